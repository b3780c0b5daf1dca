#!/usr/bin/env bash
# Makes sure of an nginx with nchan, which the edge is measured beside.
set -euo pipefail
if [ -x /usr/sbin/nginx ] && [ -e /usr/lib/nginx/modules/ngx_nchan_module.so ]; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'Installing nginx and libnginx-mod-nchan for the measurement' >&2
    apt-get update >/dev/null
    # At this runlevel packages do not start their services: nobody asked for a web server on port 80.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends nginx libnginx-mod-nchan >/dev/null
else
    echo 'The edge is measured beside nchan. On Debian: apt-get install nginx libnginx-mod-nchan' >&2
    exit 1
fi
