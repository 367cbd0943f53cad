# --save, --init, --resume: names and shapes are PyTorch's, values come back, and what does not fit is refused with a reason.
. "$(dirname "$0")/tools/case.bash"
tool tensors
parity=$ROOT/tests/parity
data="--data $ROOT/models/data --quiet"

must "builds" build p "$parity/digits.lua" --data "$ROOT/models/data" --set batch=100
check "saves" status 0 ./p $data --steps 20 --save s
check "parameters in PyTorch's names and shapes, the rest under nngen." test \
    "$(./tensors list s | grep -v '^nngen\.' | tr '\n' ' ')" = "fc1.bias F32 80 fc1.weight F32 80x64 fc2.bias F32 10 fc2.weight F32 10x80 "
check "no temporary file stays" test "$(ls -A | grep -vxE 'p|p\.c|s|said|tensors' | tr '\n' ' ')" = ""
check "--init gives the parameters back" eval \
    'status 0 ./p $data --init s --lr 0 --steps 1 --save back && for t in fc1.weight fc1.bias fc2.weight fc2.bias; do
         cmp <(./tensors get s $t) <(./tensors get back $t) || exit 1; done'
check "--init from PyTorch's file" eval 'status 0 ./p $data --init "$parity/recorded/digits.safetensors" --lr 0 --steps 1 --save back &&
    cmp <(./tensors get "$parity/recorded/digits.safetensors" fc1.weight) <(./tensors get back fc1.weight)'
check "--save over an old file" eval 'status 0 ./p $data --steps 1 --save back && ./tensors list back > /dev/null'
check "--resume at its total does nothing" eval 'status 0 ./p $data --resume s --steps 20 --save t && ./tensors compare s t 0'
check "and says so" eval 'status 0 ./p ${data//--quiet/} --resume s --steps 10 && grep -q "holds 20 steps and .* already: --steps and --epochs are totals" said'

refuses() { local name=$1; shift; check "$name" refused "$@"; }
refuses "--resume of weights alone points to --init" 1 "--init" ./p $data --resume "$parity/recorded/digits.safetensors" --steps 1
refuses "--init of a missing file" 1 "nowhere" ./p $data --init nowhere --steps 1
refuses "--init of a folder" 1 "." ./p $data --init . --steps 1
refuses "--resume of a missing file" 1 "nowhere" ./p $data --resume nowhere --steps 1
refuses "--init with --resume" 2 "init|resume" ./p $data --init s --resume s
refuses "--seed with --resume" 2 "seed" ./p $data --seed 3 --resume s
./tensors one wrong fc1.weight F32 80x63 1
refuses "--init of a tensor of another shape names both shapes" 1 "fc1.weight.*(80, *6[34].*80, *6[34])" ./p $data --init wrong
./tensors one lone fc1.weight F32 80x64 0.5
refuses "--init without a tensor names it" 1 "fc1.bias" ./p $data --init lone
: > empty
refuses "--init of an empty file" 1 "empty" ./p $data --init empty
size=$(stat -c %s s)
for at in 4 7 8 100 $((size / 2)) $((size - 1)); do
    head -c $at s > torn
    refuses "--resume of $at bytes of a file" 1 "torn" ./p $data --resume torn --steps 30
done
{ cat s; echo more; } > longer
refuses "--resume of a file with more behind" 1 "longer" ./p $data --resume longer --steps 30
{ printf '\377\377\377\377\377\377\377\177'; tail -c +9 s; } > huge
refuses "a header of 2^63 bytes" 1 "huge" ./p $data --init huge
{ printf '\002\000\000\000\000\000\000\000{}'; } > bare
refuses "a file without tensors" 1 "fc1|bare" ./p $data --init bare
for junk in '{"fc1.weight":{"dtype":"F32","shape":[80,64],"data_offsets":[0,20480000]}}' '{"fc1.weight":{"dtype":"F32","shape":[80,64],"data_offsets":[-8,20472]}}' \
    '{"fc1.weight":{"dtype":"F99","shape":[80,64],"data_offsets":[0,8]}}' '{"fc1.weight":' '[]' '{"fc1.weight":{"dtype":"F32","shape":[9223372036854775807,64],"data_offsets":[0,8]}}' \
    '{"fc1.weight":{"dtype":"F32","shape":[80,64]}}' 'xxxxxxxx' '{"a":{"a":{"a":{"a":[[[[[[[[[['; do
    printf "%b" "\\$(printf %03o ${#junk})\\0\\0\\0\\0\\0\\0\\0" > junk; printf '%s12345678' "$junk" >> junk
    refuses "the header ${junk:0:60}…" 1 "junk" ./p $data --init junk
done

check "another batch, a whole program" build q "$parity/digits.lua" --data "$ROOT/models/data" --set batch=50
refuses "--resume with another batch" 1 "batch" ./q $data --resume s --steps 30
check "another optimizer" build q "$parity/digits.lua" --data "$ROOT/models/data" --set batch=100 --set optimizer=momentum
refuses "--resume of another optimizer's state" 1 "momentum|optimizer|fc1" ./q $data --resume s --steps 30
check "another model" build q "$ROOT/tests/models/shape_one.lua"
refuses "--resume of another model's names a difference" 1 "fc1|'w'|\"w\"|model" ./q --quiet --resume s --steps 30
check "f64" build q "$parity/digits.lua" --data "$ROOT/models/data" --set batch=100 --precision f64
check "--init takes F32 in f64" eval 'status 0 ./q $data --init s --lr 0 --steps 1 --save wide && cmp <(./tensors get s fc1.weight) <(./tensors get wide fc1.weight) && ./tensors list wide | grep -q "^fc1.weight F64"'
check "--init takes F64 in f32" eval 'status 0 ./p $data --init wide --lr 0 --steps 1 --save narrow && cmp <(./tensors get s fc1.weight) <(./tensors get narrow fc1.weight)'
check "num_batches_tracked is ignored" eval '
    header="{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]},\"num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[8,16]}}"
    { printf "%b" "\\$(printf %03o ${#header})\\0\\0\\0\\0\\0\\0\\0"; printf "%s" "$header"; head -c 16 /dev/zero; } > tracked
    build q "$ROOT/tests/models/shape_one.lua" && status 0 ./q --quiet --init tracked --steps 1'
check "--save into a folder that is not there is 3" refused 3 "nowhere" ./p $data --steps 1 --save nowhere/s
check "--save onto a folder is 3" eval 'mkdir -p folder && refused 3 folder ./p $data --steps 1 --save folder && [ -d folder ]'
