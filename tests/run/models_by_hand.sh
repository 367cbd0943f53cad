# The example models that people first write by hand: least squares, gradient descent on few points and curves are worked out here
# by other means; what starts from random weights reaches what it is there to show. Every model passes `nngen check`.
. "$(dirname "$0")/tools/case.bash"
tool tensors
models=$ROOT/models images=${NNGEN_MNIST:-}
[ -n "$images" ] || [ ! -d /usr/share/datasets/fashion-mnist ] || images=/usr/share/datasets/fashion-mnist
trained() { local model=$1; shift; build p "$models/$model.lua" --data "$models" "$@" && status 0 ./p --data "$models" --quiet --log log --save state; }
last() { values "${2:-epoch}" "$1" log | tail -n 1; }
between() { awk -v x="$1" -v low="$2" -v high="$3" 'BEGIN { if (x !~ /^-?[0-9]/ || !(x >= low && x <= high)) { print x " is not between " low " and " high; exit 1 } }'; }

# rows MODEL TABLE: the rows of a model's table, "y x1 x2 …" a line: its own text, made to print them before it returns.
rows() {
    { sed '/^return nn.train/,$d' "$models/$1.lua"
      echo "for i = 1, #$2.x do print($2.y[i], table.unpack(type($2.x[i]) == 'table' and $2.x[i] or {$2.x[i]})) end"; } > rows.lua
    "$NNGEN" rows.lua 2>&1 | grep -E '^[-+.0-9e]+[[:space:]]'
}

# least_squares: from such rows w1 w2 … b, a line each, by the normal equations.
least_squares() {
    awk '{ n = NF; $(n + 1) = 1; for (i = 2; i <= n + 1; i++) { for (j = 2; j <= n + 1; j++) a[i, j] += $i * $j; a[i, n + 2] += $i * $1 } }
        END {
            for (k = 2; k <= n + 1; k++) for (i = 2; i <= n + 1; i++) if (i != k) {
                f = a[i, k] / a[k, k]; for (j = k; j <= n + 2; j++) a[i, j] -= f * a[k, j] }
            for (k = 2; k <= n + 1; k++) printf "%.17g\n", a[k, n + 2] / a[k, k] }'
}

check "line_split" trained line_split
rows line_split train | least_squares > expected
{ ./tensors get state w; ./tensors get state b; } > actual
check "line_split: 80 rows" test "$(rows line_split train | wc -l)" = 80
check "line_split: equals least squares" near expected actual 1e-4
check "line_split: validation" between "$(last validation_loss)" 0.005 0.02
check "five_features" trained five_features
rows five_features rows | least_squares > expected
{ ./tensors get state w; ./tensors get state b; } > actual
check "five_features: equals least squares" eval 'paste expected actual | awk "{ d = \$1 - \$2; if (d < 0) d = -d; if (NF != 2 || d > 1e-4) { print; exit 1 } } END { exit NR != 6 }"'

# (x1 + … + x5)² falls by (1 - 2 · 5 · 0.01)² a step
check "sum_square" trained sum_square
check "sum_square: sgd" near <(awk 'BEGIN { for (k = 0; k < 1000; k++) printf "%.17g\n", (15 * 0.9 ^ k) ^ 2 }') <(values step loss log) 1e-4
check "sum_square: by chance, never up" eval 'trained sum_square --set optimizer=random && values step loss log | awk "NR > 1 && \$1 > before { exit 1 } { before = \$1 }" && between "$(last loss end)" 0 100'

# w -= 0.1 (sigmoid(w · x) - y) x, summed over all points
check "perceptron" trained perceptron
rows perceptron points | awk '{ y[NR] = $1; for (j = 1; j <= 3; j++) x[NR, j] = $(j + 1) }
    END { for (step = 0; step < 20; step++) {
              for (j = 1; j <= 3; j++) g[j] = 0
              for (i = 1; i <= NR; i++) { z = 0; for (j = 1; j <= 3; j++) z += w[j] * x[i, j]; d = 1 / (1 + exp(-z)) - y[i]; for (j = 1; j <= 3; j++) g[j] += d * x[i, j] }
              for (j = 1; j <= 3; j++) w[j] -= 0.1 * g[j] }
          for (j = 1; j <= 3; j++) printf "%.17g\n", w[j] }' > expected
check "perceptron: 20 steps of gradient descent" near expected <(./tensors get state w) 1e-4
for batch in 1 10; do check "perceptron: batches of $batch" eval "trained perceptron --set batch=$batch"' && between "$(last train_accuracy)" 0.95 1'; done

check "sigmoids" eval 'build p "$models/sigmoids.lua" && status 0 ./p'
curve() { sed -n "s/^$1 = \[\(.*\)\]/\1/p" said | tr -d ' ' | tr , '\n'; }
sigmoid() { curve "$1" > actual; awk "function value(x) { return $2 } BEGIN { for (i = 0; i <= 32; i++) { x = i / 4 - 4; $3 } }" > expected; near expected actual "$4"; }
arctan='atan2(x, 1)' logistic='1 / (1 + exp(-x))'
for each in "arctan|$arctan|1 / (1 + x * x)" "logistic|$logistic|exp(-x) / (1 + exp(-x)) ^ 2" "tanh|2 / (1 + exp(-2 * x)) - 1|4 * exp(-2 * x) / (1 + exp(-2 * x)) ^ 2" \
    "softsign|x / (1 + (x < 0 ? -x : x))|1 / (1 + (x < 0 ? -x : x)) ^ 2" "algebraic|x / sqrt(1 + x * x)|(1 + x * x) ^ -1.5"; do
    IFS='|' read -r name value slope <<< "$each"
    check "sigmoids: $name" sigmoid "$name" "$value" 'printf "%.17g\n", value(x)' 1e-12
    check "sigmoids: the derivative of $name" sigmoid "${name}_derivative" "$slope" 'printf "%.17g\n", value(x)' 1e-11
done
check "sigmoids: the derivative of erf" sigmoid erf_derivative '2 / sqrt(atan2(0, -1)) * exp(-x * x)' 'printf "%.17g\n", value(x)' 1e-12

# the noise's variance is 1: 80 points leave about that; ten are learnt better than others
check "cubic_mlp" trained cubic_mlp
check "cubic_mlp: the loss is the noise" between "$(last loss)" 0.7 1.5
check "cubic_mlp: so is that of other points" between "$(last test_loss)" 0.7 1.5
check "cubic_mlp: mini-batches" eval 'trained cubic_mlp --set batch=10 && between "$(last loss)" 0.7 2'
check "cubic_mlp: ten points are over-fitted" eval 'trained cubic_mlp --set points=10 && between "$(last test_loss)" "$(awk -v x="$(last loss)" "BEGIN { print 1.1 * x }")" 10'

check "moons3" trained moons3
check "moons3: a plateau near log 3 after 1,000 steps" between "$(values epoch loss log | sed -n 1000p)" 1.05 1.0987
check "moons3: then it learns" eval 'between "$(last loss)" 0 0.05 && between "$(last train_accuracy)" 0.98 1'

# 20 copies at once; the last is what a program of that rate alone would train
check "rate_sweep" eval 'build p "$models/rate_sweep.lua" && status 0 ./p --quiet --threads 1 --steps 2000 --log-every 2000 --log log && grep "\"event\":\"end\"" log > ends && [ "$(wc -l < ends)" = 20 ]'
check "rate_sweep: a higher rate is further" eval 'values end loss ends | awk "NR > 1 && \$1 > before { exit 1 } { before = \$1 }"'
sed 's/nn.sweep("lr", rates)/rates[20]/' "$models/rate_sweep.lua" > single.lua
check "rate_sweep: as one rate alone" eval 'build q single.lua && status 0 ./q --quiet --threads 1 --steps 2000 --log-every 2000 --log log && near <(values end loss log) <(values end loss ends | tail -n 1) 1e-5'

check "iris_two_layer" trained iris_two_layer
check "iris_two_layer: 75 rows each, half of what the mean would leave" eval 'between "$(last loss)" 5 60 && between "$(last validation_loss)" 5 75'

licences=/usr/share/common-licenses
if [ -f $licences/GPL-3 ]; then
    for network in lstm attention; do
        check "characters: $network" build p "$models/characters.lua" --set network=$network
        check "characters: $network learns" eval 'status 0 ./p --quiet --threads 1 --epochs 2 --log log && between "$(last loss)" 1.8 "$(values epoch loss log | awk "NR == 1 { print \$1 - 0.4 }")"'
    done
    lines() { generate t "$models/characters.lua" --set time="$1" && sed '/^ \*/d' t.c | wc -l; }
    check "characters: 128 times are as long, as text, as 16" eval 'a=$(lines 16) && b=$(lines 128) && between $((b - a)) -19 19'
else
    skip "characters" "no $licences/GPL-3"
fi

for file in "$models"/*.lua; do
    model=$(basename "$file" .lua)
    less=()
    if [ "$model" = characters ]; then [ -f $licences/GPL-3 ] || continue; less=(--set time=3); fi      # differences are slow
    if grep -q "nn.data.idx" "$file" && [ -z "$images" ]; then skip "$model: nngen check" "no images"; continue; fi
    check "$model: nngen check" eval 'status 0 "$NNGEN" check "$file" "${less[@]}" --data "${images:-$models}" && between "$(sed -n "s/^worst relative deviation //p" said)" 0 1e-6'
    check "$model: under 80 lines, opening with what it shows" eval '[ "$(wc -l < "$file")" -lt 80 ] && head -n 1 "$file" | grep -q "^-- "'
done

if [ -n "$images" ]; then
    few() { build p "$models/$1.lua" --data "$images" "${@:3}" && status 0 ./p --data "$images" --quiet --log log --epochs "$2"; }
    check "softmax_regression, squares" eval 'few softmax_regression 100 && between "$(last test_accuracy)" 0.75 0.93 && between "$(last train_zeros)" 0 0.3'
    check "softmax_regression, absolute values: most weights are 0" eval 'few softmax_regression 100 --set penalty=l1 && between "$(last test_accuracy)" 0.65 0.9 && between "$(last train_zeros)" 0.6 0.98'
    check "mnist_scratch: the loss falls" eval 'few mnist_scratch 12 && values epoch loss log > losses && falls losses'
else
    skip "softmax_regression, mnist_scratch" "no images"
fi
