#!/usr/bin/env bash
# Makes sure of the clients of the event stream that others wrote: libraries from npm, PyPI and crates.io, in the versions that
# services/lastcall/tests/clients pins.
set -euo pipefail
sources=services/lastcall/tests/clients
tools=.tools/clients
mkdir -p $tools/node

# Node looks for packages beside a program, so the programs are linked to where the packages are.
ln -sfn "../../../$sources/node" $tools/node/programs
if ! cmp --silent $sources/node/package-lock.json $tools/node.installed; then
    cp $sources/node/package.json $sources/node/package-lock.json $tools/node/
    npm ci --silent --no-audit --no-fund --prefix $tools/node
    cp $sources/node/package-lock.json $tools/node.installed
fi

# Through python, because the scripts of a venv do not survive a path with a space in it.
python=.tools/venv/bin/python
if ! cmp --silent $sources/python/requirements.txt $tools/python.installed; then
    [ -x $python ] || python3 -m venv .tools/venv
    $python -m pip install --quiet --disable-pip-version-check --requirement $sources/python/requirements.txt
    cp $sources/python/requirements.txt $tools/python.installed
fi

cargo build --quiet --locked --manifest-path $sources/rust/Cargo.toml --target-dir $tools/rust
