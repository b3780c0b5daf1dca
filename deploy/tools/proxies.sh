#!/usr/bin/env bash
# Makes sure of HAProxy and nginx for the tests of their configurations in deploy/, and of curl for those of HTTP/2 and TLS.
# Where they cannot be installed, those tests say that they are skipped.
set -euo pipefail
PATH=$PATH:/usr/sbin
packages=()
command -v haproxy >/dev/null || packages+=(haproxy)
command -v nginx >/dev/null || packages+=(nginx-light)
command -v curl >/dev/null || packages+=(curl)
if [ ${#packages[@]} = 0 ]; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing ${packages[*]} for the tests of what stands in front of edges" >&2
    # In the runlevel for repairs packages do not start what they install.
    { apt-get update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "${packages[@]}"; } >/dev/null \
        || echo 'They could not be installed.' >&2
else
    echo "${packages[*]} should be on PATH; the tests of what stands in front of edges will be skipped in part." >&2
fi
