# large_state.sh: a state above what static data may be (2 GiB) is allocated when main begins; sizes that no machine holds are refused.
# The large array is an output, which training never touches: the pages are not there.
. "$(dirname "$0")/tools/case.bash"
cat > large.lua <<'E'
local nn = require "nn"
local n = nn.option("n", 24001)
local a = nn.parameter("a", {n}, nn.init.uniform(0, 1))
local x = nn.input("x", {2})
return nn.train {
  loss = nn.mse((x * a:slice(1, 1, 2)):sum(1), 1), optimizer = nn.adam {lr = 0.1}, batch = 2, epochs = 3,
  data = nn.data.table {train = {x = {{1, 2}, {3, 4}, {5, 6}}}}, outputs = {all = a:reshape {n, 1} + a:reshape {1, n}},
}
E
must "2.3 GB of state: it links" build large large.lua
check "  and is allocated once" grep -q 'state = nn_allocate_state(sizeof \*state);' large.c
check "  and runs" status 0 ./large --log large.jsonl --save large.st
check "  with the memory of the plan" grep -q "state 2 30[0-9] " said
must "the same, small enough to be static" build small large.lua --set n=24
check "  and is static" grep -q '^} state;' small.c
check "  and runs" status 0 ./small --log small.jsonl --save small.st
check "  the large one resumes" status 0 ./large --resume large.st --epochs 4
limited() { (ulimit -v 2000000; exec "$@"); }
if is_sanitized; then skip "no memory for it is 3" "the sanitizers themselves need more"; else
    check "no memory for it is 3" refused 3 "not enough memory: the state takes" limited ./large
fi

cat > huge.lua <<'E'
local nn = require "nn"
local x = nn.input("x", {1 << nn.option("bits", 39)})
local w = nn.parameter("w", {}, 1)
return nn.train {loss = (x * w):mean(), optimizer = nn.sgd {lr = 0.1}, batch = 2147483647, epochs = 2, data = nn.data.npy {train = {x = "x.npy"}}}
E
for bits in 39 30 20; do
    check "2^$bits elements in 2^31 rows is 3" refused 3 "any machine|this machine" "$NNGEN" huge.lua --set bits=$bits -o huge.c
done
