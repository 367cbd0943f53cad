# CUDA programs agree with C step by step, every thread of every block run on the CPU by the stand-in: every model of models/, and of
# layers, losses and what users write so many that every row of ops.def is in one. All of them with NNGEN_ALL.
. "$(dirname "$0")/tools/case.bash"
. "$ROOT/tests/gpu/parity.bash"
. "$ROOT/tests/gpu/stand_in.bash"
tool tensors; tool idx
mkdir images && ./idx images 23 7

chosen=" conv2d_all batch_norm2d attention_causal lstm_both_ways embedding_lstm ce_all clip_norm max_pool_overlap layer_norm
         operations functions dropout reductions pooling where_nan one_hot higher_rank "
take() {
    local kind=$1 name=$2; shift 2
    [ -n "${NNGEN_ALL:-}" ] || [ "$kind" = models ] || [[ "${chosen//$'\n'/ }" == *" $name "* ]] || return
    agrees "$kind/$name" "$@"
}
each_agreement take
check "every row of ops.def is in a model that agrees" every_operation
