#!/usr/bin/env bash
# run.sh [--build DIR] [--cc COMPILER] [--jobs N] [--update-golden] [PATTERN…]: the tests of one build with one compiler.
#
# A case is a file; PATTERN chooses by its name as it is printed ('run/*', 'error/shape_*', 'unit/base_text'); a leading ! leaves out.
#   unit/NAME    the program that CMake made of unit/NAME.c
#   error/NAME   NAME.lua is refused: NAME.expected says `status N`, then what standard error must hold, a line each. A first line
#                `-- run: ARGUMENTS` in the model adds arguments. Nothing may be written, to standard output or to a file.
#   dump/NAME    what `nngen` with the words of NAME.args prints is NAME.expected, byte for byte; `--update-golden` makes it so
#   golden/NAME  the same, for whole programs
#   run/NAME     NAME.sh, which prints `ok WHAT`, `not ok WHAT: why` or `skip WHAT: why` a check (run/tools/case.bash)
#
# Prints a line a case and every check that failed; the last line is `N passed, N failed, N skipped`; status 1 if any failed.
set -u
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-} UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}
export CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER:-20}   # Check's four seconds are for an idle machine without sanitizers

# ---- one case: prints its checks ----

verdict() { if [ -z "$2" ]; then echo "ok $1"; else echo "not ok $1: ${2//$'\n'/ | }"; fi; }

unit_case() {
    local said
    if said=$(cd "$ROOT" && timeout $limit "$BUILD/unit/test_$1" 2>&1) && grep -Eq 'Checks: [1-9]' <<< "$said"; then
        for _ in $(seq "$(sed -n 's/.*Checks: \([0-9]*\),.*/\1/p' <<< "$said" | awk '{ n += $1 } END { print n }')"); do echo "ok"; done
    else
        verdict "" "$(tail -n 30 <<< "$said")"
    fi
}

error_case() {
    local line complaint='' status words=()
    cd "$ROOT/tests/error" || return
    line=$(sed -n '1s/^-- run: //p' "$1.lua")
    eval "words=($line)"
    timeout $limit "$NNGEN" "$1.lua" -o "$WORK/out.c" "${words[@]}" > "$WORK/stdout" 2> "$WORK/stderr"
    status=$?
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
            "") ;;
            "status "*) [ "$line" = "status $status" ] || complaint+="status $status instead of ${line#status }; " ;;
            *) grep -qF -- "$line" "$WORK/stderr" || complaint+="does not say '$line'; " ;;
        esac
    done < "$1.expected"
    grep -q '^status ' "$1.expected" || complaint+="$1.expected names no status; "
    [ ! -s "$WORK/stdout" ] || complaint+="something went to standard output; "
    rm -f "$WORK/stdout"
    [ "$(ls -A "$WORK")" = stderr ] || complaint+="left behind: $(ls -A "$WORK"); "
    verdict "" "${complaint:+$complaint it said: $(head -c 1000 "$WORK/stderr")}"
}

text_case() {
    local file=$ROOT/tests/$1 words status
    cd "$ROOT" || return
    eval "words=($(cat "$file.args"))"
    timeout $limit "$NNGEN" "${words[@]}" > "$WORK/text" 2> "$WORK/stderr"
    status=$?
    if [ $status != 0 ]; then
        verdict "" "status $status: $(head -c 1000 "$WORK/stderr")"
    elif cmp -s "$WORK/text" "$file.expected"; then
        verdict "" ""
    elif [ -n "$UPDATE" ]; then
        cp "$WORK/text" "$file.expected" && echo "ok updated"
    else
        verdict "" "$(diff -u "$file.expected" "$WORK/text" | head -n 12)
(./dev test --update-golden writes it anew)"
    fi
}

one_case() {
    local limit=900                                     # seconds
    [ -z "${NNGEN_ALL:-}" ] || limit=3600
    WORK=$(mktemp -d) && export WORK
    # What a program with LLVM's OpenMP leaves when it is killed as it begins; the next one of that process number would die of SIGBUS.
    find /dev/shm -maxdepth 1 -name '__KMP_REGISTERED_LIB_*' -size 0 -mmin +1 -delete 2> /dev/null
    case $1 in
        unit/*) unit_case "${1#unit/}" ;;
        error/*) error_case "${1#error/}" ;;
        dump/* | golden/*) text_case "$1" ;;
        run/*) timeout $limit bash "$ROOT/tests/$1.sh" || echo "not ok the script: ended with status $?" ;;
    esac > "$RESULTS/${1//\//:}" 2>&1
    rm -rf "$WORK"
}

# ---- telling: a line a case ----

tell() {
    local name=$1 file=$RESULTS/${1//\//:} seconds=$2 passed failed skipped
    passed=$(grep -c '^ok' "$file"); failed=$(grep -c '^not ok' "$file"); skipped=$(grep -c '^skip' "$file")
    if [ "$((passed + failed + skipped))" = 0 ]; then
        echo "not ok: it checked nothing: $(tail -n 3 "$file" | tr '\n' ' ')" >> "$file"
        failed=1
    fi
    printf '%s %-34s %4d checks %4d s%s\n' "$([ "$failed" = 0 ] && echo "ok  " || echo FAIL)" "$name" "$((passed + failed))" "$seconds" \
        "$([ "$skipped" = 0 ] || echo "  ($skipped skipped)")"
    grep -E '^(not ok|skip)' "$file" | sed 's/^/       /' | cut -c 1-600
}

if [ "${1:-}" = --one ]; then                      # a worker, started below
    SECONDS=0
    one_case "$2"
    { flock 9; tell "$2" $SECONDS; touch "$RESULTS/.told:${2//\//:}"; } 9> "$RESULTS/.lock"
    exit 0
fi

# ---- all of them ----

BUILD=$ROOT/build/release CC=${CC:-cc} UPDATE='' jobs=$(nproc) wanted=() unwanted=()
while [ $# -gt 0 ]; do
    case $1 in
        --build) BUILD=$(cd "$2" && pwd) || exit 2; shift 2 ;;
        --cc) CC=$2; shift 2 ;;
        --jobs) jobs=$2; shift 2 ;;
        --update-golden) UPDATE=yes; shift ;;
        !*) unwanted+=("${1#!}"); shift ;;
        -*) sed -n '2,3s/^# //p' "$0"; exit 2 ;;
        *) wanted+=("$1"); shift ;;
    esac
done
NNGEN=$BUILD/nngen RESULTS=$(mktemp -d)
CFLAGS_EXTRA=${CFLAGS_EXTRA:-}
export BUILD NNGEN CC CFLAGS_EXTRA RESULTS UPDATE
trap 'rm -rf "$RESULTS"' EXIT
[ -x "$NNGEN" ] || { echo "$NNGEN is not built"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }

# shellcheck disable=SC2053                         # patterns are meant as patterns
chosen() {
    local pattern
    for pattern in "${unwanted[@]}"; do [[ $1 == $pattern ]] && return 1; done
    [ ${#wanted[@]} = 0 ] && return 0
    for pattern in "${wanted[@]}"; do [[ $1 == $pattern ]] && return 0; done
    return 1
}

cases() {                                           # the long ones first, so that the last to end is short
    local file
    cd "$ROOT/tests" || exit 2
    for file in run/*.sh unit/*.c golden/*.args dump/*.args error/*.expected; do
        [ -e "$file" ] && chosen "${file%.*}" && echo "${file%.*}"
    done
}
mapfile -t all < <(cases)
[ ${#all[@]} -gt 0 ] && printf '%s\0' "${all[@]}" | xargs -0 -n 1 -P "$jobs" bash "$0" --one
for name in "${all[@]}"; do
    if [ ! -e "$RESULTS/.told:${name//\//:}" ]; then
        echo "not ok: it was killed" >> "$RESULTS/${name//\//:}"
        echo "FAIL $name: it was killed"
    fi
done

count() { cat "$RESULTS"/*:* 2> /dev/null | grep -c "^$1"; }
failed=$(count 'not ok')
echo "$(count ok) passed, $failed failed, $(count skip) skipped"
[ "$failed" = 0 ] && [ ${#all[@]} -gt 0 ]
