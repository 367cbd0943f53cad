# exp, log, log1p, tanh, erf, sigmoid, sin, cos and gelu have the same bits alone, in 4, in 8 and (where the processor has them) in 16 lanes, over
# floats of all sizes; alone and in lanes the loops are other code. tests/unit/runtime_elementary.c holds them to mathematics.
. "$(dirname "$0")/tools/case.bash"
[ "$(uname -m)" = x86_64 ] || { skip "widths" "the flags are those of x86_64"; exit 0; }
grep -q '^flags.* fma ' /proc/cpuinfo || { skip "widths" "the processor has no multiply-add"; exit 0; }

has() { grep -q "^flags.* $1 " /proc/cpuinfo; }
hashes() {      # hashes NAME FLAG…
    local name=$1; shift
    status 0 $CC -std=gnu11 -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math -I"$ROOT/runtime" "$@" "$ROOT/tests/run/tools/elementary.c" -o widths -lm &&
    status 0 ./widths && cp said "$name"
}
same() { hashes "$@" && cmp alone "$1"; }
must "alone" hashes alone -march=x86-64-v3 -fno-tree-vectorize
check "4 lanes" same four -march=x86-64-v3 -mprefer-vector-width=128
check "8 lanes" same eight -march=x86-64-v3 -mprefer-vector-width=256
if has avx512vl; then check "16 lanes" same sixteen -march=x86-64-v4 -mprefer-vector-width=512; else skip "16 lanes" "the processor has no AVX-512"; fi
has_lanes() { $CC -std=gnu11 -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math -I"$ROOT/runtime" -march=x86-64-v3 -S "$ROOT/tests/run/tools/elementary.c" -o widths.s && grep -q 'vfn*m[a-z0-9]*ps.*%ymm' widths.s; }
check "these are lanes" has_lanes

# What one function asks, another may have asked of the same number: gcc makes one answer of both, and where it chooses between answers there are
# no lanes.
cat > chain.c <<'C'
#include <nngen/elementary.h>
#include <nngen/scalar.h>
void chain(const float *restrict x, float *restrict mish, float *restrict y)
{
    for (int i = 0; i < 4096; i++) {
        const float t = nn_tanhf(nn_softplusf(x[i]));
        mish[i] = t;
        y[i] = nn_softplusf(x[i] * t);
    }
}
C
chain_has_lanes() { $CC -std=gnu11 -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math -I"$ROOT/runtime" -march=x86-64-v3 -S chain.c -o chain.s && grep -q 'vfn*m[a-z0-9]*ps.*%ymm' chain.s; }
check "and so is softplus behind mish" chain_has_lanes

# Written into the loops that use them, however many do: a loop with a call in it has no lanes.
cat > mish.lua <<'L'
local nn = require "nn"
local x, rows = nn.input("x", {64}), {}
for r = 1, 37 do rows[r] = {} for i = 1, 64 do rows[r][i] = (r * i % 17 - 8) / 8 end end
local net = nn.sequential {nn.linear(64, 32), nn.mish, nn.linear(32, 50), nn.mish, nn.linear(50, 32), nn.mish, nn.linear(32, 64), nn.sin}
return nn.train {loss = nn.mse(net(x), x), optimizer = nn.sgd {lr = 0.01}, data = nn.data.table {train = {x = rows}}, batch = 37, epochs = 1}
L
are_inlined() { build p mish.lua && nm p > symbols && ! grep ' t nn_\(tanhf\|softplusf\|log1pf\|logf\|expf\|sinf\|cosf\)$\| U \(sin\|cos\)f\(@\|$\)' symbols; }
check "none is a function of its own in the program" are_inlined
