# --precision tf32 and bf16: products on tensor cores. With all bits kept (the stand-in can) tf32 agrees with C as f32 does, so every
# element is in its place; with factors rounded as a card does, both differ from C by what the rounding of a factor explains.
. "$(dirname "$0")/tools/case.bash"
. "$ROOT/tests/gpu/parity.bash"
. "$ROOT/tests/gpu/stand_in.bash"
tool tensors
model=$ROOT/tests/gpu/products.lua

check "--precision tf32 needs --target cuda" refused 2 "goes with --target cuda" "$NNGEN" "$model" --precision tf32 -o none.c
cp "$ROOT/tests/gpu/grid.lua" . && sed 's/batch = /precision = "bf16", batch = /' "$model" > rounded.lua
check "so does a model's" refused 1 "precision bf16 .* goes with --target cuda" "$NNGEN" rounded.lua -o none.c
check "and nothing is written" test ! -e none.c
check "what a card must be able to do, where the kernels are compiled" refused 2 "need sm_80" "$NNGEN" "$model" --target cuda --precision tf32 --gpu-arch sm_75 -o none.c

must "C" eval 'generate c "$model" && compile c -O0'
for kind in tf32 bf16; do
    must "$kind" eval 'generate $kind "$model" --target cuda --precision $kind && compile $kind -O0'
    check "$kind: forward, backward and weights go by tensor cores" eval \
        'for k in forward_ backward_ update_; do awk "/^NN_CUDA\(/ { name = \$0 } /NN_ADD_${kind^^}_PRODUCTS/ { print name }" $kind.c | grep -q "($k" || { echo "no $k"; false; }; done'
    check "$kind: what a card must be able to do" refused 3 "sm_80 on, but the stand-in 0 is an sm_75" env NNGEN_STAND_IN_CAPABILITY=75 ./$kind --quiet
done

# after PROGRAM SCHEDULE FLAGS: a step of it, to the file after.g, whose log goes to log.g
after() { cp "$1" g && status 0 env NNGEN_STAND_IN_SCHEDULE="$2" NNGEN_STAND_IN_FLAGS="$3" timeout 100 ./g --quiet --steps 1 --lr 10 --save after.g --log log.g; }
must "a step in C" status 0 ./c --quiet --steps 1 --lr 10 --save after.c --log log.c
agrees_with_c() { after "$1" 0 "$2" && ./tensors near after.c after.g "$3" && same_numbers <(untimed log.c) <(untimed log.g) "$3"; }
check "tf32 with all bits agrees as f32 does" eval 'after tf32 0 -DNN_FULL_PRODUCTS && ./tensors compare after.c after.g 1024 nngen.sums && same_numbers <(untimed log.c) <(untimed log.g) 1e-5'
check "tf32 agrees to its 10 bits" agrees_with_c tf32 "" 2e-3
check "tf32 does round" eval '! ./tensors near after.c after.g 1e-5'
cp after.g kept
for order in 1 2 3; do check "the same bits in order $order of threads" eval 'after tf32 $order "" && cmp after.g kept'; done
check "bf16 agrees to its 7 bits" agrees_with_c bf16 "" 1.2e-2
check "bf16 does round" eval '! ./tensors near after.c after.g 5e-4'
