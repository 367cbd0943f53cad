# nngen's own command line: what is accepted, what is refused with which status, and what is written where.
. "$(dirname "$0")/tools/case.bash"
cat > line.lua <<'END'
local nn = require "nn"
local w = nn.parameter("w", {}, nn.option("start", 1))
return nn.train {loss = (w - 3) ^ 2, optimizer = nn.sgd {lr = 0.1}, steps = 50}
END
calls() { local expected=$1; shift; check "nngen $* is $expected" status "$expected" "$NNGEN" "$@"; }
refuses() { local pattern=$1; shift; check "nngen $* is 2: $pattern" refused 2 "$pattern" "$NNGEN" "$@"; }

for command in "" run check explain flags ops new; do
    check "nngen $command --help has an example" eval 'status 0 "$NNGEN" $command --help && grep -q "^examples:" said'
done
check "--version" eval '"$NNGEN" --version | grep -Eq "^nngen [0-9]+\.[0-9]+\.[0-9]+$"'
for words in "" run check explain new; do refuses "missing" $words; done
refuses "did you mean run" rum line.lua
refuses "did you mean --kernels" line.lua --kernel fused
refuses "did you mean simplify" line.lua --dump=simplfy
refuses "passes are" line.lua --stop-after=nonsense
refuses "takes" line.lua --kernels fast
refuses "takes" line.lua --precision f16
refuses "needs a value" line.lua -o
refuses "needs a value" line.lua --kernels
refuses "name=value" line.lua --set start
refuses "start" line.lua --set strat=2
refuses "whole number" line.lua --memory-limit 0
refuses "whole number" line.lua --memory-limit 12x
refuses "whole number" line.lua --instruction-limit 99999999999999999999
refuses "no value" line.lua --help=yes
refuses "nothing to do with 'two.lua'" line.lua two.lua
refuses "takes no --dump" run line.lua --dump=fuse
refuses "only 'nngen run'" line.lua -- --steps 3
refuses "comes after" line.lua --dump=fuse --stop-after=simplify
refuses "only graphs" line.lua --dump=fuse:dot
refuses "itself" line.lua -o line.lua
refuses "CBLAS runs on processors" line.lua --target cuda --kernels blas
ln -s line.lua link.lua
refuses "itself" line.lua -o link.lua
check "the model is still there" grep -q nn.train line.lua

calls 1 missing.lua
calls 1 .
calls 3 line.lua -o no/such/folder/out.c
calls 3 line.lua -o .
check "a full disk is 3" refused 3 "no space" "$NNGEN" line.lua -o /dev/full
check "standard output that is full is 3" eval '"$NNGEN" line.lua > /dev/full 2> said; [ $? = 3 ]'
check "/dev/null stays a device" eval '"$NNGEN" line.lua -o /dev/null && [ -c /dev/null ]'
printf 'keep me\n' > out.c
printf 'local nn = require "nn"\nreturn nn.train {loss = nn.parmeter("w", {}, 0)}\n' > wrong.lua
check "a failure leaves the old output" eval 'refused 1 "did you mean" "$NNGEN" wrong.lua -o out.c && [ "$(cat out.c)" = "keep me" ]'
check "and no temporary" test -z "$(find . -name '.nngen*')"
check "a failure writes nothing to standard output" eval '"$NNGEN" wrong.lua --dump=read 2> /dev/null | cmp - /dev/null'

check "-o and standard output differ in their own call alone" eval '"$NNGEN" line.lua > a.c && "$NNGEN" line.lua -o b.c && [ "$(diff a.c b.c | grep -c "^[<>]")" -le 8 ]'
check "-o - is standard output" eval '"$NNGEN" line.lua -o - | cmp - a.c && [ ! -e ./- ]'
check "the same call gives the same bytes" eval 'cp b.c first.c && "$NNGEN" line.lua -o b.c && cmp b.c first.c'
check "no absolute path in the text" eval '"$NNGEN" "$WORK/line.lua" -o "$WORK/abs.c" && ! grep -qF " $WORK/abs.c" abs.c'
for pass in read differentiate update simplify specialise keep associate fuse schedule plan_memory emit graph math; do
    check "--dump=$pass prints and writes no program" eval 'status 0 "$NNGEN" line.lua --dump=$pass && [ -s said ]'
done
check "--dump with -o does both" eval '"$NNGEN" line.lua --dump=fuse -o b.c > dump && [ -s dump ] && cmp b.c first.c'
check "--dump=graph:dot is for Graphviz" eval '"$NNGEN" line.lua --dump=graph:dot | head -n 1 | grep -q "^digraph"'
refuses "empty word" ""
check "--stop-after says that it writes nothing" eval '"$NNGEN" line.lua --stop-after=fuse -o stopped.c 2> said && [ ! -e stopped.c ] && grep -q "nothing is written" said'
check "a line end in a name does not reach the text" eval 'cp line.lua $'"'"'two\nlines.lua'"'"' && "$NNGEN" $'"'"'two\nlines.lua'"'"' > two.c && ! grep -q "^ \*  *lines" two.c && [ "$(grep -c "two.nlines" two.c)" -gt 3 ]'
check "--stop-after ends there" eval '"$NNGEN" line.lua --stop-after=fuse -o stopped.c && [ ! -e stopped.c ]'

check "ops lists the table" eval '"$NNGEN" ops | grep -Eq "^relu +1 +pointwise"'
check "new writes a model" eval '"$NNGEN" new first > /dev/null && [ -s first.lua ]'
check "new does not overwrite" refused 2 "already" "$NNGEN" new first.lua
check "what new wrote trains" eval 'build first first.lua && status 0 ./first --quiet --epochs 20 --log log && values epoch loss log > losses && falls losses'
check "explain without a name" eval '"$NNGEN" explain line.lua | grep -q "parameter  w"'
check "explain a parameter names the kernel that updates it" eval '"$NNGEN" explain line.lua w | grep -q "^  update_w (training)"'
check "explain a line" eval '"$NNGEN" explain line.lua 3 | grep -q "^kernels"'
check "explain an empty line" eval '"$NNGEN" explain line.lua 77 | grep -q "nothing"'
check "explain a name that is not there" refused 2 "no tensor" "$NNGEN" explain line.lua ww
