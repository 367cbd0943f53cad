# header_names.sh: every macro that an emitted program's headers define may name a parameter, an input, a metric, an output.
. "$(dirname "$0")/tools/case.bash"
must "a program with all headers" generate all "$ROOT/models/digits.lua"
$CC -dM -E all.c $("$NNGEN" flags) 2> /dev/null | awk '{ sub(/\(.*/, "", $2); print $2 }' | grep -v '^_' | { cat; echo math_errhandling; } | sort -u > names
cat > named.lua <<'E'
local nn = require "nn"
local total, metrics, outputs, rows = 0, {}, {}, {}
for name in nn.option("names", ""):gmatch "%S+" do
  local w, x = nn.parameter(name, {3}, 1), nn.input(name .. ".x", {3})
  local y = x * w
  metrics[name], outputs[name], rows[name .. ".x"], total = y:mean(), y, {{1, 2, 3}}, total + (y * y):mean()
end
return nn.train {
  loss = total, optimizer = nn.sgd {lr = 0.1, momentum = 0.9}, batch = 1, epochs = 1, metrics = metrics, outputs = outputs,
  data = nn.data.table {train = rows, test = rows},
}
E
check "they define more than a hundred macros" eval '[ "$(wc -l < names)" -gt 100 ]'
split -l 30 names part.
for part in part.*; do
    check "names from $(head -1 $part) to $(tail -1 $part)" eval 'generate named named.lua --set names="$(tr "\n" " " < $part)" && status 0 $CC -O0 -c named.c $WARNINGS $("$NNGEN" flags | tr " " "\n" | grep -E "^-(I|std)") -o named.o'
done
