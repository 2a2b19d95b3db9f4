#!/bin/sh
# The gate: sh packaging/test.sh [--all] [--again]
#
# Installs what is missing, builds (release, ASan with UBSan, fuzz targets) and runs every test of
# the gate. Ends with one line `N passed, N failed, N skipped`; exits 0 when nothing failed. A step
# that passed on exactly these sources and tools is not run again unless --again asks; its result
# counts as it was. --all adds ThreadSanitizer, Valgrind, clang, long fuzzing, 1,000 kills, 300 power losses,
# soaks, the benches.
set -u
cd "$(dirname "$0")/.." || exit 1

all=
again=
for argument; do
    case $argument in
    --all) all=1 ;;
    --again) again=1 ;;
    *) echo "usage: sh packaging/test.sh [--all] [--again]" >&2; exit 2 ;;
    esac
done

sh packaging/deps.sh build test ${all:+bench} || exit 1

jobs=$(nproc)
logs=build/test
mkdir -p "$logs"
passed=0 failed=0 skipped=0

# One digest of everything that a result depends on.
state=$(
    {
        find CMakeLists.txt CMakePresets.json clients cmake config host packaging plugins plugins-contrib sdk tests *.md \
            -type f ! -path '*/node_modules/*' ! -path '*/__pycache__/*' -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum
        gcc --version; clang --version; cmake --version; node --version; uname -m
    } 2>/dev/null | sha256sum | cut -d ' ' -f 1
)

# Takes the numbers out of a log: our own closing line, or ctest's.
numbers() {
    awk '
        /^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ { p += $1; f += $3; s += $5 }
        /tests? failed out of [0-9]+$/ {
            for (i = 1; i <= NF; i++) if ($i == "failed") bad = $(i - 2)
            p += $NF - bad; f += bad
        }
        /\*\*\*Skipped/ { p--; s++ }
        END { print p + 0, f + 0, s + 0 }' "$1"
}

# step NAME COMMAND…: runs it once for this state, keeps its log, adds its numbers.
step() {
    name=$1
    shift
    log=$logs/$name.log
    stamp=$logs/$name.passed
    note=
    if [ -z "$again" ] && [ "$(head -n 1 "$stamp" 2>/dev/null)" = "$state" ]; then
        note=' (unchanged since it passed)'
        code=0
    else
        rm -f "$stamp"
        begun=$(date +%s)
        "$@" >"$log" 2>&1 </dev/null
        code=$?
        note=" ($(($(date +%s) - begun)) s)"
    fi
    # shellcheck disable=SC2046
    set -- $(numbers "$log")
    if [ "$code" -ne 0 ] && [ "$2" -eq 0 ]; then
        set -- "$1" 1 "$3"
    elif [ "$1$2$3" = 000 ]; then
        set -- 1 0 0
    fi
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
    printf '%-18s %4d passed %3d failed %3d skipped%s\n' "$name" "$1" "$2" "$3" "$note"
    grep '^SKIPPED' "$log" | sed 's/^/    /'
    if [ "$code" -eq 0 ] && [ "$2" -eq 0 ]; then
        # What was skipped for want of something gets another try next time.
        [ "$3" -ne 0 ] || echo "$state" >"$stamp"
    else
        grep -E '^(not ok|FAILED|FAIL)|\(Failed\)|\*\*\*(Failed|Timeout|Exception)|error:' "$log" |
            head -n 40 | sed 's/^/    /'
        tail -n 25 "$log" | sed 's/^/    | /'
        echo "    whole log: $log"
    fi
    return "$code"
}

build() { cmake --preset "$1" -DPATCHBAY_TESTS=ON && cmake --build --preset "$1" -j "$jobs"; }
run_ctest() { ctest --preset "$1" -j "$jobs" --no-tests=error; }
gate() { python3 tests/run.py --build "build/$1" --jobs "$jobs" "$2"; }
llamacpp() { PATCHBAY_TEST_LLAMA=build python3 tests/run.py --build build/release contrib -k Llamacpp; }
options_proof() { python3 tests/options/options.py build/release/patchbay --prove build/release; }
long_faults() {
    PATCHBAY_TEST_KILLS=1000 PATCHBAY_TEST_CUTS=300 PATCHBAY_TEST_STOPPED=60 \
        python3 tests/run.py --build "build/$1" faults -k test_kills -k test_durability -k Supervisor
}

# The next builds, while tests wait for timers, disks and one another.
build_ahead() {
    for preset; do
        nice -n 19 cmake --preset "$preset" -DPATCHBAY_TESTS=ON && nice -n 19 cmake --build --preset "$preset" -j "$jobs"
    done
}

if step build-release build release; then
    step ctest-release run_ctest release
    build_ahead asan fuzz >"$logs/ahead.log" 2>&1 </dev/null &
    step contrib gate release contrib
    step e2e gate release e2e
    step faults gate release faults
    step clients gate release clients
    step instructions python3 tests/bench/instructions.py --build build/release
fi
wait
if step build-asan build asan; then
    step ctest-asan run_ctest asan
    step e2e-asan gate asan e2e
    step faults-asan gate asan faults
fi
if step build-fuzz build fuzz; then
    step fuzz python3 tests/fuzz/fuzz.py --build build/fuzz --seconds 6
fi

if [ -n "$all" ]; then
    if step build-tsan build tsan; then
        step ctest-tsan run_ctest tsan
        step e2e-tsan gate tsan e2e
    fi
    step build-clang build clang && step ctest-clang run_ctest clang
    step valgrind python3 tests/valgrind.py --build build/release
    step fuzz-long python3 tests/fuzz/fuzz.py --build build/fuzz --seconds 300
    step faults-long long_faults release
    step conform python3 tests/conform/conform.py build/release
    step conform-asan python3 tests/conform/conform.py build/asan --quick
    step soak python3 tests/bench/bench.py --build build/release soak soak-kept
    step bench python3 tests/bench/bench.py --build build/release
    step model gate release model
    step llamacpp llamacpp
    step options options_proof
fi

printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
