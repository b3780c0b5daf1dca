#!/usr/bin/env bash
# Installs a package from PyPI into .tools/venv: pip-install.sh PACKAGE VERSION
set -euo pipefail
package=$1 version=$2
pip=.tools/venv/bin/pip
[ -x "$pip" ] || python3 -m venv .tools/venv
# Through python, because a venv's own scripts do not survive a path with a space in it.
python=.tools/venv/bin/python
installed=$("$python" -m pip show "$package" 2>/dev/null | sed -n 's/^Version: //p')
[ "$installed" = "$version" ] || "$python" -m pip install --quiet --disable-pip-version-check "$package==$version"
