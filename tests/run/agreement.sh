# Fused and generic programs of real size agree one step at a time, from the same saved state, after 0, 9 and 99 steps: every
# tensor within 32 units in the last place of its largest element, times the root of the longest fold. f32, where rounding
# shows; the small models are compared in user_models.sh. Where there is a CBLAS its programs too.
. "$(dirname "$0")/tools/case.bash"
tool tensors

# agrees BEFORE ULPS: one step of both programs, from the state of the fused one after BEFORE steps.
agrees() {
    local from=
    rm -f state
    if [ "$1" != 0 ]; then status 0 ./fused $data --quiet --steps "$1" --save state && from="--resume state" || return 1; fi
    for kind in fused $others; do status 0 ./$kind $data --quiet --steps $(($1 + 1)) $from --save after.$kind || return 1; done
    for kind in $others; do
        ./tensors compare after.fused after.$kind "$2" nngen.sums || return 1       # sums in double of losses in f32
    done
}

# both NAME ULPS MODEL OPTION…
both() {
    local name=$1 ulps=$2; shift 2
    for kind in fused $others; do check "$name: builds $kind" build $kind "$@" --kernels $kind; done
    for before in 0 9 99; do check "$name: step $((before + 1))" agrees $before "$ulps"; done
}

others="generic blas"
"$NNGEN" "$ROOT/models/digits.lua" --kernels blas -o blas.c > said 2>&1 || { skip "blas" "$(tail -n 2 said | head -n 1)"; others=generic; }
data="--data $ROOT/models/data"
digits="$ROOT/tests/parity/digits.lua $data --precision f32"
for optimizer in sgd momentum adam; do both "digits $optimizer" 320 $digits --set batch=100 --set optimizer=$optimizer; done
both "digits, all rows at once" 1175 $digits --set optimizer=momentum
data=
both "prime width" 365 "$ROOT/tests/models/prime_width.lua" --precision f32
fashion=${NNGEN_MNIST:-/usr/share/datasets/fashion-mnist}
if [ -d "$fashion" ]; then
    data="--data $fashion"
    both "mnist_mlp" 896 "$ROOT/models/mnist_mlp.lua"
else
    skip "mnist_mlp" "no MNIST (NNGEN_MNIST names its folder) and no package dataset-fashion-mnist"
fi
