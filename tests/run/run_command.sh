# nngen run: compiles once, passes arguments and the exit status on, and says what is missing.
. "$(dirname "$0")/tools/case.bash"
export XDG_CACHE_HOME=$WORK/cache
cat > line.lua <<'END'
local nn = require "nn"
local w = nn.parameter("w", {}, nn.option("start", 1))
return nn.train {loss = (w - 3) ^ 2, optimizer = nn.sgd {lr = 0.1}, steps = 50}
END
mkdir cache
kept() { find cache/nngen -name program -type f | wc -l; }
check "runs" status 0 "$NNGEN" run line.lua -- --quiet --log log
check "the program has run" test "$(values end step log)" = 50
check "one program is kept" test "$(kept)" = 1
printf '#!/bin/sh\nexit 1\n' > no-compiler; chmod +x no-compiler
check "the same again compiles nothing" eval 'status 0 "$NNGEN" run line.lua -- --quiet && [ "$(kept)" = 1 ]'
check "--set makes another one" eval 'status 0 "$NNGEN" run line.lua --set start=2 -- --quiet && [ "$(kept)" = 2 ]'
check "the program's exit status is passed on" status 2 "$NNGEN" run line.lua -- --no-such-flag
check "CC may have flags" eval 'CC="$CC -DTRIED" status 0 "$NNGEN" run line.lua -- --quiet && [ "$(kept)" = 3 ]'
check "a compiler that is not there is 3" eval 'CC=no-such-cc refused 3 "no-such-cc" "$NNGEN" run line.lua'
check "a compiler that fails is 3" eval 'CC=./no-compiler refused 3 "could not compile" "$NNGEN" run line.lua'
check "a cache that cannot be made is 3" eval 'XDG_CACHE_HOME=/dev/null/no refused 3 "folder" "$NNGEN" run line.lua'
check "a wrong model is 1" refused 1 "missing.lua" "$NNGEN" run missing.lua
printf 'x,y\n1,2\n2,4\n3,6\n4,8\n' > points.csv
mkdir data && mv points.csv data
cat > csv.lua <<'END'
local nn = require "nn"
local x, y = nn.input("x", {1}), nn.input("y", {1})
return nn.train {
  loss = nn.mse(nn.linear(1, 1, {name = "fc"})(x), y), optimizer = nn.sgd {lr = 0.01},
  data = nn.data.csv {train = "points.csv", columns = {x = "x", y = "y"}}, batch = 2, epochs = 2,
}
END
check "--data is passed on" status 0 "$NNGEN" run csv.lua --data data -- --quiet
check "without it the file is missing: 1" refused 1 "points.csv" "$NNGEN" run csv.lua
cp csv.lua data/beside.lua
check "data beside the model" status 0 "$NNGEN" run data/beside.lua -- --quiet
check "also where the model's path is absolute" status 0 "$NNGEN" run "$WORK/data/beside.lua" -- --quiet

entries() { ls -A cache/nngen | wc -l; }
damaged() {
    local before; before=$(entries)
    for file in $(find cache/nngen -name "$1" -type f); do "${@:2}" "$file"; done
    status 0 "$NNGEN" run line.lua -- --quiet && status 0 "$NNGEN" run line.lua -- --quiet && [ "$(entries)" = "$before" ] && [ -z "$(ls -d cache/nngen/new-* 2> /dev/null)" ]
}
rm -rf cache/nngen
must "a fresh cache" status 0 "$NNGEN" run line.lua -- --quiet
check "an entry without its program is replaced" damaged program rm
check "an entry of another text is replaced" damaged program.c truncate -s 3
printf '#!/bin/sh\nsleep 20\n' > slow-compiler; chmod +x slow-compiler
stopped() {
    CC=./slow-compiler timeout -s "$1" 1 "$NNGEN" run line.lua -- --quiet > said 2>&1
    [ -z "$(ls -d cache/nngen/new-* 2> /dev/null)" ] || { ls cache/nngen; return 1; }
}
for signal in INT TERM HUP; do check "$signal while it compiles leaves nothing" stopped $signal; done
check "a full disk while it compiles leaves nothing" eval '(ulimit -f 4; CC="$CC -DFULL" refused 3 "cannot write|could not|signal" "$NNGEN" run line.lua) && [ -z "$(ls -d cache/nngen/new-* 2> /dev/null)" ]'
