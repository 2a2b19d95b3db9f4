#!/bin/sh
# Installs the Debian packages that are missing: sh packaging/deps.sh [build] [test] [contrib] [bench]
# Without arguments: build. Each line of a set is `package [command] reason`; where a command is
# named, any package that brings it will do. When nothing is missing this only asks dpkg once.
set -eu

build_set() {
    cat <<'SET'
gcc                  gcc        the C compiler
g++                  g++        simdjson's one C++ file
libc6-dev            -          the C library's headers
cmake                cmake      the build
ninja-build          ninja      what runs it
pkg-config           pkg-config finds the libraries below
libuv1-dev           -          event loop and child processes
libyaml-dev          -          reads the configuration
libsimdjson-dev      -          reads JSON
node-llhttp          -          sources of the HTTP parser
libssl-dev           -          TLS, digests, signatures
libcurl4-openssl-dev -          proxies and HTTP/2-only hosts
libpcre2-dev         -          regular expressions in the conditions of `route`
libsqlite3-dev       -          the database in a file, of `sqlite`
libzip-dev           -          archives that office files are, of `office`
libexpat1-dev        -          the XML in them
zlib1g-dev           -          gzip in answers and requests
libzstd-dev          -          zstd, the same
poppler-utils        pdftotext  reads PDF for `pdf`, when it runs
libmd4c-dev          -          reads Markdown, of `text`
libxml2-dev          -          reads HTML, of `html`
libedit-dev          -          edits the lines of `patchbay chat`
libsamplerate0-dev   -          changes the rate of sound, of `audio`
ca-certificates      -          whom to trust when a model is asked over https
SET
}

test_set() {
    cat <<'SET'
check                -          unit tests
make                 make       builds plugins outside of this tree, as a stranger would
clang                clang      second compiler; fuzz targets
libclang-rt-14-dev   -          libFuzzer
python3              python3    runs the end-to-end tests, the benches, the gates
python3-venv         -          the real clients for Python get environments of their own
nodejs               node       runs the real clients and the scripted upstream
npm                  npm        installs the real clients
chromium             chromium   a real browser, for the client in TypeScript
openssl              openssl    makes the certificates of the https tests
prometheus           promtool   judges /metrics
valgrind             valgrind   counts instructions; memory checks
binutils             nm         judges what a plugin exports
clamav-daemon        clamd      a real scanner for the tests of `clamav`
rustc                rustc      the plugins in Rust among templates and examples
groff                groff      makes real PDF files for the tests of `pdf`
bash                 bash       completion is tried in it, and in the next two
zsh                  zsh        as above
fish                 fish       as above
SET
    contrib_set
}

# What plugins-contrib/ links; the gate builds it, so that `test` brings these too.
contrib_set() {
    cat <<'SET'
liblua5.4-dev        -          Lua, of `lua`
libespeak-ng-dev     -          speech, of `espeak`
libpocketsphinx-dev  -          recognition of speech, of `pocketsphinx`
pocketsphinx-en-us   -          its model of English
pocketsphinx-testdata -         a person who speaks, for its tests
SET
}

bench_set() {
    cat <<'SET'
nginx-light          nginx      the reference line of every bench
linux-perf           perf       the profile of a pass-through
SET
}

# Prints the packages of the sets in "$@" that are not here.
missing() {
    for set in "$@"; do "${set}_set"; done | {
        wanted=
        while read -r package command _; do
            if [ "$command" != - ] && command -v "$command" >/dev/null 2>&1; then
                continue
            fi
            wanted="$wanted $package"
        done
        [ -n "$wanted" ] || return 0
        # shellcheck disable=SC2086
        installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null |
            sed -n 's/ installed$//p')
        for package in $wanted; do
            printf '%s\n' "$installed" | grep -qxF "$package" || printf '%s ' "$package"
        done
    }
}

[ $# -gt 0 ] || set -- build
for set in "$@"; do
    case $set in
    build | test | contrib | bench) ;;
    *) echo "deps.sh: unknown set '$set'; there are build, test, contrib and bench" >&2; exit 2 ;;
    esac
done

packages=$(missing "$@")
[ -n "$packages" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "deps.sh: no apt-get here; install these yourself: $packages" >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1; then
    as_root=sudo
else
    echo "deps.sh: neither root nor sudo; install these first: $packages" >&2
    exit 1
fi
echo "deps.sh: installing $packages"
$as_root apt-get -q update
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $packages
still=$(missing "$@")
[ -z "$still" ] || { echo "deps.sh: still missing: $still" >&2; exit 1; }
