#!/bin/sh
# Builds a release and serves the quickstart: sh packaging/run.sh [arguments of `patchbay serve`]
# Installs what is missing first. Run again, it starts in seconds.
set -eu
cd "$(dirname "$0")/.."
sh packaging/deps.sh build

log=build/run.log
mkdir -p build
if ! {
    # A tree that packaging/test.sh made keeps its tests; a new one is built without them.
    if [ -f build/release/build.ninja ]; then
        cmake --preset release
    else
        cmake --preset release -DPATCHBAY_TESTS=OFF
    fi && cmake --build --preset release --target product
} >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "run.sh: the build failed; all of it is in $log" >&2
    exit 1
fi
# The last --config and --data-dir given win.
exec build/release/patchbay serve -c config/quickstart.yaml "$@"
