# How many instructions a step takes, on the workloads of tests/bench, as valgrind counts them: no more than 3 in 100 above what is
# recorded in tests/bench/instructions.txt, for the same version of the compiler and one set of instructions. Noise cannot move it,
# and it knows nothing of caches: bench and compare.py measure time.
#
#   tests/run.sh --build BUILD --update-golden run/instructions      records anew what this compiler makes
. "$(dirname "$0")/tools/case.bash"
recorded=$ROOT/tests/bench/instructions.txt
version=$($CC --version | head -n 1 | sed 's,^[^ ]* ,,')
leave() { skip "instructions" "$1"; exit 0; }
is_sanitized && leave "sanitizers add their own"
[ "$(uname -m)" = x86_64 ] || leave "recorded for x86_64 alone"
command -v valgrind > /dev/null || leave "no valgrind"
[ -n "${UPDATE:-}" ] || grep -qF "$version |" "$recorded" || leave "none recorded for $version"
tool random_npy

# counted STEPS: instructions of the whole program
counted() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null ./p --data . --threads 1 --quiet --benchmark "$1" > said 2>&1 || { cat said >&2; return 1; }
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' said
}
compile_for_all() {
    local flags; flags=$("$NNGEN" flags)
    status 0 $CC p.c ${flags/-march=native/-march=x86-64-v3} -o p
}

# NAME ROWS SHAPE CLASSES: rows for eight batches of the workload; 0 classes: a number as target
measure() {
    local name=$1 one three expected
    ./random_npy "$2" "$3" 0 > "${name}_x.npy"
    ./random_npy "$2" "$([ "$4" = 0 ] && echo "${5:-1}")" "$4" > "${name}_y.npy"
    generate p "$ROOT/tests/bench/workloads.lua" --set workload="$name" && compile_for_all || return 1
    one=$(counted 1) && three=$(counted 3) || return 1
    local count=$(((three - one) / 2))
    if [ -n "${UPDATE:-}" ]; then echo "$version | $name | $count" >> new.txt; return 0; fi
    expected=$(grep -F "$version | $name | " "$recorded" | sed 's/.*| //')
    [ -n "$expected" ] || { echo "there is no record of it"; return 1; }
    [ $((count * 100)) -le $((expected * 103)) ] || { echo "$count instructions a step, $expected recorded: $((count * 100 / expected)) %"; return 1; }
}
check "sine" measure sine 800 1 0
check "moons3" measure moons3 2400 2 3
check "mnist5" measure mnist5 40 784 10
check "linear64" measure linear64 512 784 10
check "softmax" measure softmax 800 784 10
check "cnn5" measure cnn5 40 1,28,28 10
if [ -n "${UPDATE:-}" ]; then
    { grep -vF "$version |" "$recorded" 2> /dev/null; cat new.txt; } > all.txt
    mv all.txt "$recorded"
fi
