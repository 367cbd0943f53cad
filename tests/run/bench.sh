# nngen bench: the programs of a model side by side. No time is judged: the figures are there, and fit together.
. "$(dirname "$0")/tools/case.bash"
export XDG_CACHE_HOME=$WORK/cache
mkdir cache
cat > layer.lua <<'END'
local nn = require "nn"
local rows, labels = {}, {}
local rng = nn.rng(1)
for r = 1, 40 do
  rows[r], labels[r] = {}, r % 3
  for i = 1, 7 do rows[r][i] = rng:normal(0, 1) end
end
local x, y = nn.input("x", {7}), nn.class("y", 3)
return nn.train {
  loss = nn.cross_entropy(nn.linear(7, 3, {name = "fc"})(x), y), optimizer = nn.sgd {lr = 0.01},
  data = nn.data.table {train = {x = rows, y = labels}}, batch = 10, epochs = 1,
}
END
must "it runs" status 0 "$NNGEN" bench layer.lua --kernels-table
mv said table
for words in "a training step of 10 rows in f32, 1 thread" "by multiply-adds" "from memory" "FLOP/s" "roofline" "÷ fused" "fused kernel" "bound"; do
    check "the table says $words" grep -qF -- "$words" table
done
check "a row for each kind of kernels" eval 'grep -Eq "^fused  .* 1\.00$" table && grep -Eq "^generic  .*[0-9]%? *[0-9.]+$" table'
if "$NNGEN" layer.lua --kernels blas -o blas.c > /dev/null 2>&1; then
    check "and for blas" grep -Eq "^blas  .*[0-9]%? *[0-9.]+$" table
else
    check "why there is none for blas" grep -Eq "^blas +left out: no CBLAS" table
fi
check "every kernel of the step, and no other" eval '
    "$NNGEN" layer.lua --dump=schedule --stop-after=schedule | sed -n "s/^train [0-9]* \([a-z0-9_]*\) .*/\1/p" > kernels &&
    sed "1,/^fused kernel/d;/^$/,\$d" table | cut -d" " -f1 | cmp - kernels'
must "as JSON" status 0 "$NNGEN" bench layer.lua --kernels-table --json --precision f64 --threads 2
mv said json
# field NAME: the first number behind it
field() { sed -n "s/.*\"$1\": \([-0-9.e+]*\).*/\1/p" json | head -n 1; }
check "it is one JSON object" eval 'if command -v python3 > /dev/null; then python3 -m json.tool json > /dev/null; else grep -q "^{" json; fi'
check "what was asked is in it" eval 'grep -q "\"precision\": \"f64\", \"batch\": 10, \"threads\": 2" json'
for name in flop_per_second bytes_per_second memory_bytes_per_second us_per_step roofline_us roofline_share; do
    check "$name is a positive number" awk -v x="$(field $name)" 'BEGIN { exit !(x + 0 > 0) }'
done
# forward: 10 rows, 7 by 3, multiply and add, and the bias
check "the FLOP of the first kernel" eval 'sed -n "/\"kernels\"/{n;p}" json | grep -q "\"flop\": $((10 * 3 * 7 * 2 + 10 * 3)), \"bytes\": $((8 * (10 * 7 + 3 * 7 + 3 + 10 * 3))),"'
check "shares add up to one" eval 'sed "1,/\"kernels\"/d" json | sed -n "s/.*\"share\": \([0-9.e-]*\).*/\1/p" | awk "{ s += \$1 } END { print s; exit !(s > 0.99 && s < 1.01) }"'

printf 'local nn = require "nn"\nreturn nn.show {x = nn.constant(1)}\n' > show.lua
check "a model that trains nothing is 1" refused 1 "show.lua.*trains nothing" "$NNGEN" bench show.lua
check "data that is missing is 1" eval 'sed "s/nn.data.table.*}}/nn.data.npy {train = {x = \"no.npy\", y = \"no.npy\"}}/" layer.lua > no.lua; refused 1 "no.npy" "$NNGEN" bench no.lua'
check "a compiler that is not there is 3" eval 'CC=no-such-cc refused 3 "no-such-cc" "$NNGEN" bench layer.lua'
for words in "--threads 0" "--threads 99999" "--threads x" "--kernels fused" "--json=1"; do
    check "$words is 2" refused 2 "threads|kernels|json" "$NNGEN" bench layer.lua $words
done
