# Where output goes wrong: full disks, folders that are not there, devices, closed pipes; of nngen and of emitted programs.
. "$(dirname "$0")/tools/case.bash"
model=$ROOT/tests/models/prime_width.lua
clean() { local left; left=$(ls -A "$1"); [ -z "$left" ] || { echo "left behind: $left"; return 1; }; }
mkdir empty folder; echo mine > old.c

# nngen -o
check "-o - standard output without -o" eval '"$NNGEN" "$model" > a.c && "$NNGEN" "$model" -o b.c && grep -q "int main" a.c && cmp <(tail -n +15 a.c) <(tail -n +15 b.c)'
check "-o into a folder that is not there is 3" refused 3 "nowhere" "$NNGEN" "$model" -o nowhere/a.c
check "-o naming a folder is 3" eval 'refused 3 folder "$NNGEN" "$model" -o folder && clean folder'
check "-o /dev/full is 3" refused 3 "/dev/full" "$NNGEN" "$model" -o /dev/full
check "-o /dev/null is 0" status 0 "$NNGEN" "$model" -o /dev/null
check "  and it is a device still" test -c /dev/null
check "-o of a pipe" eval 'mkfifo pipe && { cat pipe > got & status 0 "$NNGEN" "$model" -o pipe && wait && grep -q "int main" got && [ -p pipe ]; }'
check "standard output full is 3" eval '"$NNGEN" "$model" > /dev/full 2> said; [ $? = 3 ]'
check "standard output closed is 3" eval '"$NNGEN" "$model" >&- 2> said; [ $? = 3 ]'
check "a disk that fills up is 3 and leaves nothing" eval '(cd empty && trap "" XFSZ && ulimit -f 4 && "$NNGEN" "$model" -o big.c > /dev/null 2>&1; [ $? = 3 ]) && clean empty'
check "  nor does its signal leave anything" eval '(cd empty && ulimit -f 4 && "$NNGEN" "$model" -o big.c > /dev/null 2>&1; [ $? = 3 ]) && clean empty'
check "  an old file stays as it was" eval '(trap "" XFSZ; ulimit -f 4; "$NNGEN" "$model" -o old.c > /dev/null 2>&1; [ $? = 3 ]) && [ "$(cat old.c)" = mine ]'
check "the model is wrong: an old file stays, nothing new" eval 'echo "return 3" > bad.lua && status 1 "$NNGEN" bad.lua -o old.c && [ "$(cat old.c)" = mine ] && status 1 "$NNGEN" bad.lua -o empty/new.c && clean empty'
check "the model is wrong: nothing on standard output" eval '"$NNGEN" bad.lua > out 2> said; [ $? = 1 ] && [ ! -s out ] && [ -s said ]'
cp "$model" m.lua; ln m.lua hard.lua; ln -s m.lua soft.lua
for output in m.lua ./m.lua hard.lua soft.lua "$PWD/m.lua"; do
    check "-o of the model itself (${output##*/}) is 2" eval 'status 2 "$NNGEN" m.lua -o "$output" && cmp m.lua "$model"'
done
check "-o through a symbolic link keeps the link" eval 'echo x > target.c && ln -s target.c link.c && status 0 "$NNGEN" "$model" -o link.c && [ -L link.c ] && grep -q "int main" target.c'
check "-o keeps nothing else in the folder" eval '(cd empty && status 0 "$NNGEN" "$model" -o a.c > /dev/null; rm -f a.c said) && clean empty'
if [ "$(id -u)" != 0 ]; then
    mkdir locked; chmod 555 locked
    check "-o into a folder without permission is 3" status 3 "$NNGEN" "$model" -o locked/a.c
else
    skip "-o into a folder without permission" "root may write everywhere"
fi

# emitted programs
must "builds" build p "$model"
check "--log into a folder that is not there is 3" refused 3 "nowhere" ./p --steps 2 --log nowhere/l
check "--log /dev/full is 3" refused 3 "/dev/full" ./p --steps 2 --log /dev/full
check "--log onto a folder is 3" refused 3 "folder" ./p --steps 2 --log folder
check "--save /dev/full is 3" refused 3 "/dev/full" ./p --steps 2 --save /dev/full
check "--save into a folder that is not there is 3, before the training" eval 'refused 3 "nowhere" ./p --steps 2 --save nowhere/s --log early && [ ! -s early ]'
check "--save of a long name" eval 'long=$(printf "%0250d" 0) && status 0 ./p --steps 2 --save $long && [ -s $long ] && rm $long'
check "--help on a full disk is 3" eval './p --help > /dev/full 2> said; [ $? = 3 ]'
check "--benchmark on a full disk is 3" eval './p --benchmark 5 > /dev/full 2> said; [ $? = 3 ]'
check "nn.show on a full disk is 3" eval 'printf "local nn = require \"nn\"\nreturn nn.show {y = 1}\n" > show.lua && build show show.lua && { ./show > /dev/full 2> said; [ $? = 3 ]; }'
check "closed streams: the log gets nothing but JSON" eval './p --steps 5 --log closed.jsonl >&- 2>&- <&- && ! grep -v "^{.*}$" closed.jsonl'
check "--save /dev/null is 0 and it stays a device" eval 'status 0 ./p --steps 2 --save /dev/null && [ -c /dev/null ]'
check "--save onto a disk that fills up is 3 and keeps the old file" eval 'status 0 ./p --quiet --steps 2 --save s && cp s before &&
    (trap "" XFSZ; ulimit -f 4; ./p --quiet --resume s --steps 4 --save s > said 2>&1; [ $? = 3 ]) && cmp s before && [ "$(ls -A | grep -c "^\.\?s\b.\|tmp")" = 0 ]'
check "--log onto a disk that fills up is 3" eval '(trap "" XFSZ; ulimit -f 1; ./p --quiet --steps 2000 --log big > said2 2>&1; [ $? = 3 ])'
check "--predict /dev/full is 3" eval 'build q "$ROOT/tests/models/shared_weight.lua" && status 0 ./q --steps 1 --save s && refused 3 "/dev/full" ./q --init s --predict /dev/full'
check "a reader that goes away ends the run without a crash" eval './p --steps 500 --log /dev/stdout --quiet | head -n 1 > /dev/null; s=${PIPESTATUS[0]}; [ $s = 3 ] || [ $s = 141 ]'
