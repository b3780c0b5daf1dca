#!/usr/bin/env bash
# Makes sure of what the browser client and its tests need from npm, in the versions that its package-lock.json pins.
set -euo pipefail
# The browser is the system's own.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
cd clients/browser
if ! cmp --silent package-lock.json node_modules/.installed; then
    npm ci --silent --no-audit --no-fund
    cp package-lock.json node_modules/.installed
fi
