#!/usr/bin/env bash
# Makes sure of a Chromium and its driver for the tests of the page. Where they cannot be installed, those tests say that
# they are skipped.
set -euo pipefail
if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'Installing chromium and chromium-driver for the tests of the page' >&2
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium chromium-driver; } \
        >/dev/null || echo 'They could not be installed.' >&2
else
    echo 'There is no chromium with chromedriver on PATH; the tests of the page will be skipped.' >&2
fi
