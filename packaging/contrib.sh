#!/bin/sh
# Builds and tests plugins-contrib/ as a stranger would: sh packaging/contrib.sh [BUILD [-k PLUGIN]…]
#
# BUILD (build/release) is installed into an empty prefix, the plugins are built there, their tests
# run, and each is inspected and made to conform. Installs what is missing first.
set -eu
cd "$(dirname "$0")/.."
sh packaging/deps.sh build test
build=build/release
case ${1-} in
'' | -*) ;;
*) build=$1; shift ;;
esac
if [ "$build" = build/release ] && [ ! -x build/release/patchbay ]; then
    cmake --preset release
    cmake --build --preset release --target product
fi
exec python3 tests/run.py --build "$build" contrib "$@"
