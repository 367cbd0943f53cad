# CUDA programs agree with C step by step, every thread of every block run on the CPU by the stand-in: every model of models/, and of
# layers, losses and what users write so many that every row of ops.def is in one. All of them with NNGEN_ALL.
. "$(dirname "$0")/tools/case.bash"
. "$ROOT/tests/gpu/parity.bash"
. "$ROOT/tests/gpu/stand_in.bash"
tool tensors; tool idx
mkdir images && ./idx images 23 7

chosen=" conv2d_all batch_norm2d attention_causal lstm_both_ways embedding_lstm ce_all clip_norm max_pool_overlap layer_norm
         operations functions dropout reductions pooling where_nan one_hot higher_rank augmented,none augmented,feature "
take() {
    local kind=$1 name=$2; shift 2
    [ -n "${NNGEN_ALL:-}" ] || [ "$kind" = models ] || [[ "${chosen//$'\n'/ }" == *" $name "* ]] || return
    agrees "$kind/$name" "$@"
}
each_agreement take
check "every row of ops.def is in a model that agrees" every_operation

# Words, uniforms and orders: equal to the bit, one by one, and as programs use them.
check "words, uniforms, permutations and moves are C's, one by one" draws_the_same
must "rows and masks, in C and CUDA" both "$ROOT/tests/gpu/random.lua"
for kind in c g; do must "$kind runs" status 0 ./$kind --quiet --lr 0 --log log.$kind; done
check "every row comes once an epoch, and not in their order" eval 'values step loss log.c | head -n 97 > order; sort -n order | cmp -s - <(seq 97) && ! cmp -s order <(seq 97) && ! cmp -s order <(values step loss log.c | tail -n 97)'
check "the order of rows is C's" cmp <(values step loss log.c) <(values step loss log.g)
for kind in c g; do must "$kind makes a step" status 0 ./$kind --quiet --steps 1 --save masks.$kind; done
check "masks are C's" ./tensors compare masks.c masks.g 0
