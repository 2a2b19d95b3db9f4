#!/bin/sh
# installed.sh BUILD: installs a build into a new prefix and does there what a stranger would: builds
# `shout` with find_package and with pkg-config, looks at its symbols, and runs a turn through it.
set -eu
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

fail()
{
    echo "installed.sh: $*" >&2
    exit 1
}

# one_symbol FILE: exactly the descriptor is exported
one_symbol()
{
    symbols=$(nm -D --defined-only "$1" | awk '{print $NF}')
    [ "$symbols" = patchbay_plugin ] || fail "$1 exports: $symbols"
}

cmake --install "$build" --prefix "$prefix" > "$work/install.log" || fail "$(cat "$work/install.log")"
for file in bin/patchbay include/patchbay/patchbay.h lib/patchbay/plugins/generate.so \
            share/patchbay/template/shout/shout.c share/patchbay/config/quickstart.yaml \
            share/patchbay/sdk/README.md share/patchbay/plugins/retrieve/README.md; do
    [ -e "$prefix/$file" ] || fail "$file is not installed"
done
for plugin in "$prefix"/lib/patchbay/plugins/*.so; do
    one_symbol "$plugin"
done
cp -r "$prefix/share/patchbay/template/shout" "$work/shout"

echo "find_package:"
cmake -S "$work/shout" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" \
      -DCMAKE_C_FLAGS="-Wall -Wextra -Wpedantic -Werror" > "$work/log" 2>&1 &&
    cmake --build "$work/build" >> "$work/log" 2>&1 || fail "$(cat "$work/log")"
one_symbol "$work/build/shout.so"
ctest --test-dir "$work/build" --output-on-failure || fail "the template's own test fails"

echo "pkg-config:"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name patchbay.pc)")
export PKG_CONFIG_PATH
mkdir "$work/plain"
# shellcheck disable=SC2046 # words are wanted
${CC:-cc} -shared $(pkg-config --cflags --libs patchbay) -Wall -Wextra -Wpedantic -Werror \
    "$work/shout/shout.c" -o "$work/plain/shout.so"
one_symbol "$work/plain/shout.so"
sh "$work/shout/test.sh" "$prefix/bin/patchbay" "$work/plain"

echo "inspect:"
printf 'plugins: {path: [plain]}\n' > "$work/inspect.yaml"
"$prefix/bin/patchbay" inspect -c "$work/inspect.yaml" > "$work/rows"
grep -q '^shout  *1\.0\.0  *stage shout' "$work/rows" || fail "no row for shout: $(cat "$work/rows")"
