# case.bash: what the cases of emitted programs share; each case sources it first.
#
# Takes from the runner: NNGEN (the program under test), CC, CFLAGS_EXTRA, WORK (an empty folder), ROOT (the repository);
# for a case run by hand each has a default. A case prints a line a check: `ok NAME`, `not ok NAME: reason`,
# `skip NAME: reason`; a failure does not end it. Needs bash, awk, a C compiler.
set -u
ROOT=${ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)}
NNGEN=${NNGEN:-$ROOT/build/release/nngen}
CC=${CC:-cc}
CFLAGS_EXTRA=${CFLAGS_EXTRA:-}
if [ -z "${WORK:-}" ]; then
    WORK=$(mktemp -d)
    trap 'rm -rf "$WORK"' EXIT
fi
cd "$WORK" || exit 2
WARNINGS="-Wall -Wextra -Werror"
SANITIZE="-O0 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g"
is_sanitized() { case $("$NNGEN" flags) in *-fsanitize*) ;; *) return 1 ;; esac; }     # nngen and the runtime: slower, and all of the address space
export ASAN_OPTIONS=detect_leaks=0          # the programs keep what they allocate until they end

ok()     { echo "ok $1"; }
not_ok() { echo "not ok $1: ${2//$'\n'/ | }"; }
skip()   { echo "skip $1: $2"; }

# check NAME COMMAND…: the command succeeds, or what it printed is the reason why not.
check() {
    local name=$1 said; shift
    if said=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "${said:-$* failed}"; fi
}

# must NAME COMMAND…: as check, and where it fails the case ends: nothing after it would mean anything.
must() { local said; said=$(check "$@"); echo "$said"; [[ $said == ok* ]] || exit 1; }

# status EXPECTED COMMAND…: runs it, output to the file `said`; complains if it ends otherwise, or by a signal.
status() {
    local expected=$1 got; shift
    "$@" > said 2>&1; got=$?
    [ "$got" = "$expected" ] && return 0
    echo "status $got instead of $expected: $* said: $(tail -c 600 said)"
    return 1
}

# refused EXPECTED PATTERN COMMAND…: ends with that status and says something that matches (extended, any case).
refused() {
    local expected=$1 pattern=$2; shift 2
    status "$expected" "$@" || return 1
    grep -Eiq -- "$pattern" said && return 0
    echo "$* does not say '$pattern' but: $(tail -c 600 said)"
    return 1
}

# tool NAME: compiles tools/NAME.c once.
tool() { [ -x "./$1" ] || $CC -std=gnu11 -O1 "$ROOT/tests/run/tools/$1.c" -o "$1" -lm || exit 2; }

# generate PROGRAM MODEL [OPTION…]: writes PROGRAM.c.   compile PROGRAM [FLAG…]: makes it a program.   build: both.
generate() { local program=$1 model=$2; shift 2; status 0 "$NNGEN" "$model" -o "$program.c" "$@"; }
compile() {
    local program=$1; shift
    status 0 $CC "$program.c" $("$NNGEN" flags) $WARNINGS $CFLAGS_EXTRA "$@" -o "$program"
}
build() { rm -f "$1" "$1.c"; generate "$@" && compile "$1"; }

# values EVENT KEY LOG: the numbers of that key in events of that kind, a line each.
values() {
    awk -v event="\"event\":\"$1\"" -v key="\"$2\":" 'index($0, event) {
        at = index($0, key); if (!at) next
        rest = substr($0, at + length(key)); sub(/[,}].*/, "", rest); print rest }' "$3"
}

# recorded FILE CASE [KEY]: the losses PyTorch had, a line each; or its "evaluated" ones, after each epoch.
recorded() { sed -n "/\"case\": \"$2\"/{s/.*\"${3:-losses}\": \\[//;s/\\].*//;s/, */\\n/g;p}" "$ROOT/tests/parity/recorded/$1.jsonl"; }

# near EXPECTED ACTUAL FIRST [LAST]: two files of numbers agree line by line, relative to max(|expected|, 1e-3), within
# FIRST at the first line, growing to LAST (geometrically) at the last.
near() {
    awk -v first="$3" -v last="${4:-$3}" '
        NR == FNR { expected[++count] = $1; next }
        { actual[++found] = $1 }
        END {
            if (!count || found != count) { print "expected " count+0 " numbers, found " found+0; exit 1 }
            for (i = 1; i <= count; i++) {
                tolerance = first * (last / first) ^ (count > 1 ? (i - 1) / (count - 1) : 0)
                size = expected[i] < 0 ? -expected[i] : expected[i]; if (size < 1e-3) size = 1e-3
                difference = actual[i] - expected[i]; if (difference < 0) difference = -difference
                if (!(difference <= tolerance * size) || actual[i] !~ /^-?[0-9]/) {
                    printf "number %d is %s, expected %s: relative difference %.3g, allowed %.3g\n",
                           i, actual[i], expected[i], difference / size, tolerance
                    exit 1
                }
            }
        }' "$1" "$2"
}

# falls NUMBERS: the mean of the last third is below the mean of the first.
falls() {
    awk '{ x[NR] = $1 } END { n = int(NR / 3); for (i = 1; i <= n; i++) { a += x[i]; b += x[NR + 1 - i] }
        if (n < 1 || !(b < a)) { print "does not fall: mean of the first third " a / n ", of the last " b / n; exit 1 } }' "$1"
}

# is NUMBER EXPECTED TOLERANCE: absolute, for figures worked out by hand.
is() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; if (a !~ /^-?[0-9]/ || !(d <= t)) { print "is " a ", expected " b; exit 1 } }'; }

# agree: ./fused and ./generic leave the same tensors to rounding (`tool tensors`), after one step and after three.
agree() {
    local steps kind
    for steps in 1 3; do
        for kind in fused generic; do status 0 ./$kind --quiet --steps $steps --save after.$kind || return 1; done
        ./tensors compare after.fused after.generic $((800 * steps)) nngen.sums || return 1
    done
}
