# nngen report, nngen run --report and what programs write for them with --snapshot-every. Numbers on a page are the log's; what a
# snapshot says is held against what the parameters in it say by arithmetic.
. "$(dirname "$0")/tools/case.bash"
cat > line.lua <<'END'
local nn = require "nn"
local x, y = nn.input("x", {}), nn.input("y", {})
local a, b = nn.parameter("a", {}, 1), nn.parameter("b", {}, 2)
local rows = {x = {}, y = {}}
for i = 1, 11 do rows.x[i] = i - 6; rows.y[i] = 3 * (i - 6) + 4 end
return nn.train {loss = nn.mse(a * x + b, y), metrics = {["<a> & 'b'"] = a}, outputs = {fit = a * x + b}, batch = "all", steps = 30, seed = 1,
                 optimizer = nn.sgd {lr = nn.option("rate", 0.05)}, data = nn.data.table {train = rows}}
END
cat > plane.lua <<'END'
local nn = require "nn"
local x, label = nn.input("x", {3}), nn.class("label", 3)          -- 1, x1, x2
local w = nn.parameter("w", {3, 3}, nn.init.normal())
local rows = {x = {}, label = {}}
for i = 1, 30 do rows.x[i], rows.label[i] = {1, math.cos(i), math.sin(i)}, i % 3 end
local scores = x:matmul(w)
return nn.train {loss = nn.cross_entropy(scores, label), metrics = {accuracy = nn.accuracy(scores, label), confusion = nn.confusion(scores, label)},
                 outputs = {scores = scores}, optimizer = nn.sgd {lr = nn.sweep("lr", {0.1, 0.5})}, batch = 7, epochs = 2, seed = 1,
                 data = nn.data.table {train = rows, test = rows}}
END
must "builds" build line line.lua
must "builds with a sweep" build plane plane.lua

# ---- snapshots ----

check "a run with snapshots" status 0 ./line --log with.jsonl --snapshot-every 10 --quiet
check "a run without" status 0 ./line --log without.jsonl --quiet
check "compute the same bits" eval 'cmp <(grep "\"step\",\"step\"" with.jsonl) <(grep "\"step\",\"step\"" without.jsonl)'
steps_of() { grep -o '"snapshot","step":[0-9]*' "$1" | grep -o '[0-9]*$' | tr '\n' ' '; }
check "snapshots at 0 and every 10" test "$(steps_of with.jsonl)" = "0 10 20 30 "
check "the last step has one in any case" eval './line --log odd.jsonl --snapshot-every 20 --quiet; [ "$(steps_of odd.jsonl)" = "0 20 30 " ]'
check "no file without --save" eval '! grep -q "\"file\"" with.jsonl && [ -z "$(ls | grep safetensors)" ]'
check "--snapshot-every alone is 2" refused 2 "--log" ./line --snapshot-every 10
check "resumed, the same snapshots" eval './line --steps 20 --save s --log r.jsonl --snapshot-every 10 --quiet && ./line --resume s --log r.jsonl --snapshot-every 10 --quiet &&
    cmp <(grep "\"snapshot\"" r.jsonl | sed "s/\"file\":[^,]*,//") <(grep "\"snapshot\"" with.jsonl)'
# The curve is a x + b at each of the 201 points; the points are the table's.
line_of_snapshot() {
    awk -v step="$1" 'index($0, "\"snapshot\",\"step\":" step ",") {
        a = $0; sub(/.*"a":{"shape":\[\],"values":\[/, "", a); a += 0
        b = $0; sub(/.*"b":{"shape":\[\],"values":\[/, "", b); b += 0
        from = $0; sub(/.*"from":\[/, "", from); from += 0; to = $0; sub(/.*"to":\[/, "", to); to += 0
        v = $0; sub(/.*"fit":{"shape":\[\],"values":\[/, "", v); n = split(v, value, ",")
        if (n != 201 || from != -5.5 || to != 5.5) { print n " values from " from " to " to; exit 1 }
        for (i = 1; i <= n; i++) { d = value[i] - (a * (from + (to - from) * (i - 1) / 200) + b); if (d < 0) d = -d; if (d > 1e-4) { print "value " i " is " value[i]; exit 1 } }
        found = 1 } END { exit !found }' with.jsonl
}
for step in 0 10 30; do check "the curve at step $step is that of its a and b" line_of_snapshot $step; done
check "the rows are the data's" grep -q '"rows":{"x":\[-5,-4,-3,-2,-1,0,1,2,3,4,5\],"y":\[-11,-8,-5,-2,1,4,7,10,13,16,19\]}' with.jsonl
check "a sweep with snapshots" status 0 ./plane --log plane.jsonl --snapshot-every 4 --quiet
check "without them, the same bits" eval './plane --log bare.jsonl --quiet; strip() { grep -v "\"snapshot\"" $1 | sed "s/\"seconds.*//"; }; cmp <(strip plane.jsonl) <(strip bare.jsonl)'
check "a line for each copy, with its value" test "$(grep -c '"snapshot","step":8,"lr":0\.\(1\|5\),' plane.jsonl)" = 2
check "a column that does not vary is no axis" test "$(grep -c '"grid":{"features":\[2,3\]' plane.jsonl)" = 8
check "a full disk is 3" refused 3 "log cannot be written" ./line --log /dev/full --snapshot-every 1

# ---- logs that are none ----

printf '' > empty.jsonl
printf '{"event":"step","step":1,"loss":2.5,"lr":0.1}\n{"event":"step","step":2,"lo' > cut.jsonl
printf '{"event":"step","step":1,"loss":2.5,"lr":0.1}\nnot json\n' > bad.jsonl
printf '{"event":"step","step":1,"loss":2.5,"lr":0.1}\n[1]\n' > array.jsonl
printf '{"event":"step","loss":2.5}\n' > nostep.jsonl
printf '{"a":1}\n' > noevent.jsonl
printf '{"event":"step","step":1,"loss":1}\0\n' > zero.jsonl
for log in "empty.*no event" "bad.jsonl:2.*JSON" "array.jsonl:2.*JSON" "nostep.jsonl:1.*step" "noevent.jsonl:1.*event" "zero.jsonl:1.*zero byte"; do
    check "$log" refused 1 "$log" "$NNGEN" report "${log%%.*}.jsonl" -o bad.html
done
check "a log that is not there" refused 1 "none.jsonl.*cannot be read" "$NNGEN" report none.jsonl -o bad.html
check "no log at all is 2" refused 2 "missing is a log" "$NNGEN" report -o bad.html
check "a page over its log is 2" refused 2 "log itself" "$NNGEN" report with.jsonl -o with.jsonl
check "none of them left a page" test ! -e bad.html
command -v gnuplot > /dev/null || { skip "the pictures" "gnuplot is not installed"; exit 0; }
check "a log cut short is shown, with a warning" eval 'status 0 "$NNGEN" report cut.jsonl -o cut.html && grep -q "cut.jsonl:2: warning.*cut short" said && grep -q ">2.5<" cut.html'
mkdir none && check "without gnuplot it is 3, and says what to install" eval 'refused 3 "gnuplot-nox" "$(command -v env)" PATH="$WORK/none" "$NNGEN" report with.jsonl -o no.html && [ ! -e no.html ]'
# Snapshots that say nonsense are left out; none of them may end nngen by a signal.
odd=0
for grid in '{}' '{"features":[1],"from":[0],"to":[1],"counts":[2],"outputs":{}}' '{"features":[9],"from":[0],"to":[1],"counts":[2],"outputs":{"o":{"values":[1,2]}}}' \
    '{"features":[1,2],"from":[0,0],"to":[1,1],"counts":[2,-2],"outputs":{"o":{"values":[1,2]}}}' '{"features":[1],"from":[0],"to":[1],"counts":[1e9],"outputs":{"o":{"values":[[1],2]}}}' '[1]' '7'; do
    for rows in '{}' '{"x":[]}' '{"x":[[1,2],[3]],"y":[1]}' '{"x":[1,2],"y":["a",null]}' 'null'; do
        printf '{"event":"snapshot","step":1,"input":{"name":"x","shape":[1]},"parameters":{"w":{"shape":[-2,-1],"values":[1,2]},"v":{"shape":[1e9,2],"values":[]},"u":3},"rows":%s,"grid":%s}\n' "$rows" "$grid" > odd.jsonl
        status 0 "$NNGEN" report odd.jsonl -o odd.html || odd=1
    done
done
check "odd snapshots are shown as far as they go" test $odd = 0

# ---- pages ----

check "a page of one run" status 0 "$NNGEN" report with.jsonl -o with.html
check "the last loss is the log's" grep -qF ">$(values step loss with.jsonl | tail -n 1)<" with.html
# The axis of the loss is logarithmic here: its path, as long as the log, has each loss at a height that the first and the last one fix.
curve() {
    tr '\n' ' ' < with.html | sed 's/<figure>/\n&/g' | grep '<b>loss</b>' | grep -o " d='M[^']*'" | awk '{ print length($0), $0 }' | sort -rn | head -n 1 |
        grep -o "[0-9.]*,[0-9.]*" > points
    values step loss with.jsonl | paste -d, points - | awk -F, 'NF == 3 { y[++n] = $2; v[n] = log($3) }
        END { if (n != 30) { print n " points"; exit 1 }
            for (i = 1; i <= n; i++) { d = y[i] - (y[1] + (v[i] - v[1]) / (v[n] - v[1]) * (y[n] - y[1])); if (d < 0) d = -d; if (d > 0.02) { print "point " i " is off by " d; exit 1 } } }'
}
check "the curve of the loss is the log's" curve
check "parameters are the log's" eval 'a=$(grep "\"snapshot\",\"step\":30" with.jsonl | grep -o "\"a\":{\"shape\":\[\],\"values\":\[[^]]*" | grep -o "[^[]*$"); grep -qF "<td>a</td><td class=\"r\">$a</td>" with.html'
check "names are text" eval 'grep -q "train_&lt;a&gt; &amp; '"'b'"'" with.html && ! grep -q "<a> " with.html'
check "the same page again" eval '"$NNGEN" report with.jsonl > again.html; cmp with.html again.html'
check "fit, loss and a metric as SVG" test "$(grep -c '<svg class="plot"' with.html)" = 3
check "steps of the fit" eval 'for n in 0 10 20 30; do grep -q "<text>step $n</text>" with.html || exit 1; done'
check "nothing from a network" eval '! grep -Eq "(src|href)=.https?:|@import" with.html'
check "names in pictures differ" test -z "$(grep -oE " id=['\"][^'\"]*" with.html | sort | uniq -d | head -n 3)"
check "a page of a sweep" eval 'status 0 "$NNGEN" report plane.jsonl -o plane.html && grep -q "loss at the end, by lr" plane.html && grep -q "lr 0.1: decision boundary" plane.html'
for value in $(values epoch test_accuracy plane.jsonl | tail -n 2); do check "test accuracy $value" grep -qF ">$value<" plane.html; done
check "a confusion matrix holds the log's counts" eval 'diff <(grep "\"epoch\":2" plane.jsonl | head -n 1 | grep -o "test_confusion\":\[\[[^a-z]*" | grep -o "[0-9]\+") <(sed -n "/lr 0.1: test_confusion/,/<\/table>/p" plane.html | grep -o "[)]\">[0-9]*" | tr -dc "0-9\n")'
check "several runs" eval 'cp with.jsonl other.jsonl && status 0 "$NNGEN" report with.jsonl other.jsonl -o both.html && grep -q "<text>other</text>" both.html'
check "run --report, one command" eval 'XDG_CACHE_HOME=$WORK/cache status 0 "$NNGEN" run line.lua --report one.html -- --quiet && [ -s one.jsonl ] && grep -q "fit over the points" one.html'
check "run --vary, a run for each value" eval 'XDG_CACHE_HOME=$WORK/cache status 0 "$NNGEN" run line.lua --vary rate=0.01,0.05 --report many.html -- --quiet --steps 9 && [ -s "many.rate=0.01.jsonl" ] && grep -q "<text>rate=0.05</text>" many.html'
check "its loss is that of --set" eval 'XDG_CACHE_HOME=$WORK/cache "$NNGEN" run line.lua --set rate=0.01 -- --quiet --steps 9 --log set.jsonl; cmp <(grep "\"step\",\"step\"" set.jsonl) <(grep "\"step\",\"step\"" many.rate=0.01.jsonl)'
check "a run that fails gives its status" eval 'XDG_CACHE_HOME=$WORK/cache status 1 "$NNGEN" run line.lua --report f.html -- --quiet --lr 1e30 && grep -q not_finite f.html'
check "a wrong flag too, without a page" eval 'XDG_CACHE_HOME=$WORK/cache status 2 "$NNGEN" run line.lua --report g.html -- --nonsense && [ ! -e g.html ]'
check "--vary of what is no option is 2" refused 2 "rat" "$NNGEN" run line.lua --vary rat=1,2
check "--vary without values is 2" refused 2 "name=value" "$NNGEN" run line.lua --vary rate
check "an expression's page: formulas, values, curves" eval 'XDG_CACHE_HOME=$WORK/cache status 0 "$NNGEN" run "$ROOT/models/sigmoids.lua" --report s.html && [ $(grep -c "class=\"plot\"" s.html) = 6 ] && grep -q "<msqrt>" s.html'

# ---- what the models are there to show, each by one command ----

# shows MODEL ARGUMENTS FIGURE…: the page of the model has these pictures.
shows() {
    local model=$1 arguments=$2 figure; shift 2
    XDG_CACHE_HOME=$WORK/cache check "$model has a page" status 0 "$NNGEN" run "$ROOT/models/$model.lua" $arguments --report lesson.html -- --quiet
    for figure; do check "$model shows: $figure" grep -qF "<b>$figure</b>" lesson.html; done
}
shows line "" "fit over the points" loss
shows perceptron "" "decision boundary"
shows parabola "--vary optimizer=random,neighbour,sgd" loss
if [ -n "${NNGEN_ALL:-}" ]; then
    shows sine "" "curve over the points"
    shows digits "--set optimizer=adam" train_confusion test_confusion fc1.weight
    shows sum_square "--vary optimizer=random,sgd" loss
    shows linear_regression "" "line over the points"
    shows cubic_mlp "--vary points=80,10" "points=80: curve over the points" "points=10: curve over the points" loss
    shows moons3 "" "decision boundary" loss
    shows line_split "" "line over the points" loss "parameters at the end"
    shows five_features "" loss "parameters at the end"
    shows iris_two_layer "" loss setosa
fi

browser=$(command -v chromium || command -v chromium-browser)
[ -n "$browser" ] || { skip "in a browser" "chromium is not installed"; exit 0; }
for page in with plane s; do
    { sed '/<\/body>/,$d' $page.html; echo '<script>document.title = document.documentElement.scrollWidth <= innerWidth ? "fits" : "too wide"</script></body></html>'; } > probe.html
    HOME=$WORK timeout 60 "$browser" --headless --no-sandbox --disable-gpu --enable-logging=stderr --window-size=500,900 --dump-dom "file://$WORK/probe.html" > dom.html 2> stderr
    check "$page.html fits a narrow screen" grep -q "<title>fits" dom.html
    check "$page.html: no word on the console" eval '! grep -F CONSOLE stderr'
done
