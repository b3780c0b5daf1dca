#!/usr/bin/env bash
# Makes sure of Node and npm, and of what the browser client and its tests need from npm, in the versions that
# clients/browser/package-lock.json pins. Fails where there is no Node to be had.
set -euo pipefail
least=20
is_here() {
    command -v npm >/dev/null && [ "$(node --print 'process.versions.node.split(".")[0]')" -ge $least ]
}
if ! is_here && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'Installing nodejs and npm for the tests of the browser client' >&2
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends nodejs npm; } \
        >/dev/null || echo 'They could not be installed.' >&2
fi
if ! is_here; then
    echo "There is no Node $least or later with npm on PATH." >&2
    exit 1
fi

# The browser is the system's own.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
cd clients/browser
if ! cmp --silent package-lock.json node_modules/.installed; then
    npm ci --silent --no-audit --no-fund
    cp package-lock.json node_modules/.installed
fi
