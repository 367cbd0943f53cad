# odd_files.sh: files that are no plain files, or lie where they should not: links, pipes, devices, names at the limits.
. "$(dirname "$0")/tools/case.bash"

# ---- require stays in the model's folder, links followed ----
mkdir -p inside/sub outside
echo 'return 1' | tee outside/evil.lua > inside/sub/good.lua
ln -s ../outside/evil.lua inside/link.lua
ln -s ../outside inside/folder
ln -s sub/good.lua inside/alias.lua
ln -s inside entry
require() { printf 'require "%s"\nlocal nn = require "nn"\nreturn nn.show {y = 1}\n' "$1" > inside/model.lua; }
for module in link folder.evil; do
    require $module
    check "require $module" refused 1 "model.lua:1: error: require: there is no file" "$NNGEN" inside/model.lua -o x.c
done
for module in sub.good alias; do
    require $module
    check "require $module" status 0 "$NNGEN" inside/model.lua -o x.c
    check "require $module, through a link" status 0 "$NNGEN" entry/model.lua -o x.c
done
(cd inside && check "require, in the folder" status 0 "$NNGEN" model.lua -o ../x.c)

# ---- pipes are waited for, with a word; devices are refused ----
printf 'local nn = require "nn"\nreturn nn.show {y = 1}\n' > show.lua
mkfifo pipe
late() { (sleep 3; "$@" > pipe) & }
check "a model that comes late through a pipe" eval 'late cat show.lua; status 0 timeout 20 "$NNGEN" pipe -o x.c && grep -q "waiting for .pipe., a pipe" said'
check "-o into a pipe that is read late" eval '{ sleep 3; cat pipe > got; } & status 0 timeout 20 "$NNGEN" show.lua -o pipe && grep -q "waiting for .pipe., a pipe that nobody reads" said && wait && grep -q "int main" got'
cat > csv.lua <<'E'
local nn = require "nn"
local x = nn.input("x", {1})
return nn.show({total = x:sum()}, {data = nn.data.csv {train = nn.option("file", "x.csv"), columns = {x = "x"}}})
E
printf 'x\n1\n2\n' > x.csv
must "a program of a csv file" build p csv.lua
check "a csv file that comes late through a pipe" eval 'mv x.csv y.csv; mkfifo x.csv; (sleep 3; cat y.csv > x.csv) & status 0 timeout 20 ./p && grep -q "total = 3" said && grep -q "waiting for .x.csv., a pipe" said; rm x.csv; mv y.csv x.csv'
check "a device as data is refused" refused 1 "is a device" "$NNGEN" csv.lua --set file=/dev/zero -o x.c
check "a device as a model is refused" refused 1 "larger than" "$NNGEN" /dev/zero -o x.c
check "a packed file larger than memory is 3, and named" eval 'head -c 200000000 /dev/zero | tr "\0" "1" | gzip -1 > x.csv.gz && mv x.csv y.csv && (ulimit -v 400000; refused 3 "x.csv.gz: not enough memory to read it" ./p); mv y.csv x.csv; rm x.csv.gz'

# ---- reading is no slower than the file is long ----
awk 'BEGIN { for (row = 0; row < 3; row++) { line = row ? "1" : "x"; for (i = 0; i < 60000; i++) line = line "," (row ? i : "column" i); print line } }' > wide.csv
check "60 000 columns of a csv file" eval 'mv x.csv y.csv; mv wide.csv x.csv; status 0 timeout 10 ./p && grep -q "total = 2" said; mv x.csv wide.csv; mv y.csv x.csv'
check "  and without the one that is asked for" eval 'mv x.csv y.csv; sed "s/^x,/z,/" wide.csv > x.csv; refused 1 "no column is named .x.; the header has .z, column0, .*\.\.\." timeout 10 ./p; mv y.csv x.csv'

# ---- names that are no UTF-8, or would act on a terminal ----
shown=$(printf 'a\357\277\275\357\277\275b')
bad=$(printf 'a\377\233b')
cp csv.lua "$bad.lua"
sed 's/nn.show({total = x:sum()}, {data/nn.train {loss = (x * nn.parameter("w", {}, 1)):mean(), optimizer = nn.sgd {}, batch = 1, epochs = 1, data/; s/}})$/}}/' csv.lua > "$bad.lua"
check "a model's name that is no UTF-8" build q "$bad.lua"
check "  is none in a checkpoint and in the log" eval 'status 0 ./q --save "$bad.st" --log log.jsonl --snapshot-every 1 && head -c 2000 "$bad.st" | grep -aqF "$shown" && iconv -f UTF-8 -t UTF-8 log.jsonl > /dev/null'
check "  and is escaped in messages" eval 'refused 1 "a.xff.x9b" ./q --init "$bad.none" && ! grep -q "$(printf "\233")" said'
