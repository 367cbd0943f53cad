# The example models reach what they are there to show: figures from mathematics, or PyTorch's spread over seeds.
. "$(dirname "$0")/tools/case.bash"
models=$ROOT/models
trained() { local model=$1; shift; build p "$models/$model.lua" --data "$models" "$@" && status 0 ./p --data "$models" --quiet --log log; }
last() { values "${2:-epoch}" "$1" log | tail -n 1; }
between() { awk -v x="$1" -v low="$2" -v high="$3" 'BEGIN { if (x !~ /^-?[0-9]/ || !(x >= low && x <= high)) { print x " is not between " low " and " high; exit 1 } }'; }

# y = 3x + 4, 100 points on [-5, 5], noise 0.5: standard errors 0.017 and 0.05
check "line" trained line
check "line: slope" between "$(last train_a)" 2.93 3.07
check "line: intercept" between "$(last train_b)" 3.8 4.2
check "sine" trained sine
check "sine: loss after 10,000 steps" between "$(last loss)" 0.008 0.04          # PyTorch, four seeds: 0.014 to 0.029
check "linear_regression" trained linear_regression
check "linear_regression: at the least squares, where nothing moves" eval '
    a=$(last train_theta1) && status 0 ./p --steps 4000 --quiet --log log && is "$a" "$(last train_theta1)" 0.01'
check "linear_regression: most is explained" between "$(last train_r2)" 0.85 0.97

rows_of() { grep '"event":"epoch"' log | tail -n 1 | grep -o "\"$1\":\[\[[^\"]*\]\]" | tr -dc '0-9,\n' | awk -F, '{ for (i = 1; i <= NF; i++) s += $i } END { print s + 0 }'; }
check "digits with SGD" trained digits
check "digits with SGD: test accuracy" between "$(last test_accuracy)" 0.90 0.96
check "digits with SGD: both confusion matrices, of 1347 and 450 rows" test "$(rows_of train_confusion) $(rows_of test_confusion)" = "1347 450"
check "digits with Adam" trained digits --set optimizer=adam
check "digits with Adam: test accuracy" between "$(last test_accuracy)" 0.95 0.99

# x = 2 · 0.98^1000 by the derivative; the searches stop within a step's size of 0
check "parabola" trained parabola
check "parabola: sgd" near <(awk 'BEGIN { for (k = 0; k < 1000; k++) printf "%.17g\n", (2 * 0.98 ^ k) ^ 2 }') <(values step loss log) 1e-4
check "parabola: neighbours" eval 'trained parabola --set optimizer=neighbour && between "$(last loss end)" 0 0.000121'
check "parabola: by chance" eval 'trained parabola --set optimizer=random && between "$(last loss end)" 0 0.09'

shown() { sed -n "s/^$1 = //p" said; }
check "chain_rule" eval 'build p "$models/chain_rule.lua" && status 0 ./p'
awk 'BEGIN { x = 0.2; a = exp(x); b = exp(2 * x); u = a + b; printf "%.17g\n%.17g\n", exp(u) + sin(u), (exp(u) + cos(u)) * (a + 2 * b)
    e = exp(x * x); v = x * x + e; printf "%.17g\n%.17g\n", sqrt(v) + cos(v), (1 / (2 * sqrt(v)) - sin(v)) * (2 * x + 2 * x * e) }' > expected
{ shown f; shown df; shown g; shown dg; } > actual
check "chain_rule: values and derivatives at 0.2" near expected actual 1e-12
check "chain_rule: the formula names what is shared once" eval '"$NNGEN" "$models/chain_rule.lua" --dump=math > formula && grep -q "exp(x)" formula && [ "$(grep -o "exp(x)" formula | wc -l)" -le 2 ]'
