# The same models through the other compiler in f32, and under the sanitizers: no warning, no report, and losses that follow PyTorch's as far
# as f32 can. Each model has one of the two; both, and generic programs under the sanitizers, with NNGEN_ALL.
. "$(dirname "$0")/tools/case.bash"

other() {
    generate p "$ROOT/tests/models/$1.lua" --precision f32 && CC=$OTHER compile p &&
    status 0 ./p --no-shuffle --log log --quiet && values step loss log > actual &&
    recorded models "$1" > expected && near expected actual 1e-4 1e-2
}

sanitized() {
    generate p "$ROOT/tests/models/$1.lua" --kernels "$2" --precision f64 && compile p $SANITIZE &&
    status 0 ./p --steps 7 --quiet --log log --save state && status 0 ./p --resume state --steps 9 --quiet --log log
}

case $("$CC" --version) in *clang*) OTHER=gcc ;; *) OTHER=clang ;; esac
command -v "$OTHER" > /dev/null || { skip "$OTHER" "not installed"; OTHER=; }
is_sanitized && OTHER=                      # the runtime has the sanitizers of this compiler
for name in $(sed -n 's/.*"case": "\([^"]*\)".*/\1/p' "$ROOT/tests/parity/recorded/models.jsonl"); do
    number=$((${number:-0} + 1))
    [ -z "$OTHER" ] || [ -z "${NNGEN_ALL:-}" -a $((number % 2)) = 0 ] || check "$name $OTHER f32" other "$name"
    [ -n "$OTHER" -a -z "${NNGEN_ALL:-}" -a $((number % 2)) = 1 ] || check "$name sanitized fused" sanitized "$name" fused
    [ -z "${NNGEN_ALL:-}" ] || check "$name sanitized generic" sanitized "$name" generic
done
