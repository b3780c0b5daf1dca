#!/usr/bin/env bash
# Installs a package from PyPI into .tools/venv: pip-install.sh PACKAGE VERSION
set -euo pipefail
package=$1 version=$2
# Through python, because the scripts of a venv do not survive a path with a space in it.
python=.tools/venv/bin/python
[ -x "$python" ] || python3 -m venv .tools/venv
installed=$("$python" -m pip show "$package" 2>/dev/null | sed -n 's/^Version: //p') || true
[ "$installed" = "$version" ] || "$python" -m pip install --quiet --disable-pip-version-check "$package==$version"
