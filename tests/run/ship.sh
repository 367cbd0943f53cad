# Predictors and libraries (--emit predict, library): the examples in C and in Python, against the program's own --predict, its
# losses and the losses that PyTorch recorded; inputs, outputs, layers and schedules of every kind; every model of models/. Whole
# programs that need no library (--standalone), against those that are linked.
. "$(dirname "$0")/tools/case.bash"
tool tensors
cp "$ROOT/models/data/digits.csv" .
tail -n +2 digits.csv > rows.csv
flags=$("$NNGEN" flags)
CFLAGS_EXTRA="$CFLAGS_EXTRA -O1"                # forty programs; other cases compile with all that nngen flags says
is_sanitized && CFLAGS_EXTRA="$CFLAGS_EXTRA -O0"        # minutes even so: that round is ./dev test --all's
python=$(command -v python3) && "$python" -c 'import ctypes' 2> /dev/null || python=
is_sanitized && python=                         # the sanitizers want to be loaded first

# emit KIND MODEL [OPTION…]: writes MODEL's name .c and .h.   with MAIN.c NAME [FLAG…]: both as one program, `user`.
emit() { local kind=$1 model=$2 name; shift 2; name=$(basename "$model" .lua); status 0 "$NNGEN" "$model" --emit "$kind" -o "$name.c" "$@"; }
with() { local main=$1 name=$2; shift 2; status 0 $CC "$main" "$name.c" -I. $flags $WARNINGS $CFLAGS_EXTRA "$@" -o user; }
shared() { status 0 $CC -shared -fPIC "$1.c" $flags $WARNINGS $CFLAGS_EXTRA -o "lib$1.so"; }

# ---- the examples: digits ----

must "digits: trained" eval 'build p "$ROOT/models/digits.lua" && status 0 ./p --data "$ROOT/models" --threads 1 --steps 300 --quiet --save digits.safetensors'
# --predict takes the rows in file order where there is only one set
program_rows() {
    sed -e 's/split = .*/rows = {train = 1797},/' -e 's/, steps = 1000//' -e 's/seed = 1,/steps = 1, seed = 1,/' "$ROOT/models/digits.lua" > one_set.lua
    build q one_set.lua --data "$ROOT/models" --set batch=32 && status 0 ./q --data "$ROOT/models" --init digits.safetensors --predict predicted --quiet
}
must "digits: predicted by the program" program_rows
./tensors get predicted logits | awk 'NR % 10 == 1 { best = $1 } $1 > best { best = $1 } NR % 10 == 0 { printf "%.9g\n", best }' > guesses
last_column() { awk '{ print $3 }' "$1" > actual; near guesses actual 1e-5; }
predicted() { emit predict "$ROOT/models/digits.lua" "$@" && with "$ROOT/examples/predict.c" digits && ./user digits.safetensors < rows.csv > said && last_column said; }
check "predict.c: the program's outputs" predicted
check "predict.c: the labels" test "$(awk '$1 == $2' said | wc -l)" -gt 1500
check "predict.c: no such file" refused 1 "cannot be read" ./user nowhere
head -c 3000 digits.safetensors > torn
check "predict.c: a torn file" refused 1 "torn|damaged" ./user torn
./tensors one other fc1.weight F32 2x2 1 2 3 4
check "predict.c: another model" refused 1 "fc1.weight has another shape" ./user other
check "predict: generic" predicted --kernels generic
check "predict: the weights in the text" eval 'emit predict "$ROOT/models/digits.lua" --weights digits.safetensors &&
    sed "s/digits_load(argv\[1\])/!argv[1]/; s/digits_load_error()/\"\"/" "$ROOT/examples/predict.c" > main.c && with main.c digits && ./user . < rows.csv > said && last_column said'
if [ -n "$python" ]; then
    check "predict.py: the program's outputs" eval 'emit predict "$ROOT/models/digits.lua" && shared digits &&
        "$python" "$ROOT/examples/predict.py" ./libdigits.so digits.safetensors digits.csv > said 2>&1 && last_column said'
else
    skip "predict.py" "python3 with ctypes is not there, or sanitizers are"
fi

# 1797 rows in batches of 32: the last has 5
must "digits: trained in file order" status 0 ./q --data "$ROOT/models" --no-shuffle --steps 100 --quiet --log log --save trained
values step loss log > losses
same_run() { diff losses actual > /dev/null || near losses actual 1e-6; }
check "train.c: the program's losses" eval 'emit library "$ROOT/models/digits.lua" --data "$ROOT/models" --set batch=32 && with "$ROOT/examples/train.c" digits && ./user 100 saved < rows.csv > actual && same_run'
check "train.c: what it saves, the program begins with" eval './tensors near saved trained 1e-6 && status 0 ./q --data "$ROOT/models" --init saved --predict again --quiet'
if [ -n "$python" ]; then
    check "train.py: the program's losses" eval 'shared digits && "$python" "$ROOT/examples/train.py" ./libdigits.so digits.csv 100 saved2 > actual && same_run && ./tensors near saved saved2 1e-6'
else
    skip "train.py" "python3 with ctypes is not there, or sanitizers are"
fi

# PyTorch's losses from PyTorch's weights: batches of 100, the last of 47
head -n 1347 rows.csv > first.csv
recorded digits mini-momentum-f32 > expected
check "train.c: PyTorch's losses" eval 'emit library "$ROOT/tests/parity/digits.lua" --data "$ROOT/models/data" --set batch=100 --set optimizer=momentum --weights "$ROOT/tests/parity/recorded/digits.safetensors" &&
    with "$ROOT/examples/train.c" digits && ./user 50 < first.csv > actual && near expected actual 1e-5 1e-3'

# ---- inputs and outputs of every kind ----
# x1 is scaled and shifted, x2 standardised by feature, token indexes an embedding; batch norm, dropout, a recurrence; two outputs
cat > kinds.lua <<'END'
local nn = require "nn"
local x1    = nn.input("x1", {3})
local x2    = nn.input("x2", {2, 2})
local token = nn.class("token", 5, {3})
local y     = nn.class("y", 3)
local words = (nn.gru(4, 3, {name = "gru"})(nn.embedding(5, 4, {name = "words"})(token))):reshape {9}
local h = nn.concat({nn.linear(3, 8, {name = "a", bias = false})(x1), x2:reshape {4}, words}, 1)
h = nn.dropout(0.3)(nn.relu(nn.batch_norm1d(21, {name = "bn"})(h)))
local logits = nn.linear(21, 3, {name = "out"})(h)
local scale = nn.parameter("scale", {}, nn.init.ones)
local schedules = {none = false, step = nn.schedule.warmup {steps = 5, next = nn.schedule.cosine {t_max = 40, per = "step"}, per = "step"},
                   epoch = nn.schedule.exponential {gamma = 0.7}}
return nn.train {
  loss = nn.cross_entropy(logits, y) + 1e-3 * nn.l2(scale),
  outputs = {token = token, logits = logits, ["for"] = nn.softmax(logits), scale = scale},
  metrics = {accuracy = nn.accuracy(logits, y)},
  optimizer = nn.adam {lr = 0.01}, schedule = schedules[nn.option("schedule", "none")] or nil,
  data = nn.data.csv {train = "kinds.csv", columns = {x1 = {1, 3}, x2 = {4, 7}, token = {8, 10}, y = 11},
    scale = {x1 = 0.5}, mean = {x1 = -0.25}, std = {x1 = 2}, standardize = {x2 = "feature"}},
  batch = 8, epochs = 6, seed = 3,
}
END
awk 'BEGIN { srand(7); for (i = 0; i < 37; i++) { for (j = 0; j < 7; j++) printf "%.3f,", 4 * rand() - 1.5; for (j = 0; j < 3; j++) printf "%d,", 5 * rand(); print int(3 * rand()) } }' > kinds.csv
cat > predict_kinds.c <<'END'
#include "kinds.h"
#include <stdio.h>
int main(int argc, char **argv)
{
    REAL x1[3], x2[4], all[3], logits[3], scale[1];
    int token[3], same[3], y;
    if (argc < 2 || kinds_load(argv[1]))
        return 1;
    for (;;) {
        for (int i = 0; i < 7; i++)
            if (scanf(FORMAT ",", i < 3 ? &x1[i] : &x2[i - 3]) != 1)
                return 0;
        if (scanf("%d,%d,%d,%d", token, token + 1, token + 2, &y) != 4)
            return 0;
        kinds_predict(x1, x2, token, all, logits, scale, same);
        printf("%d\n%.17g\n%.17g\n%.17g\n", same[1], (double)all[2], (double)logits[1], (double)scale[0]);
    }
}
END
cat > train_kinds.c <<'END'
#include "kinds.h"
#include <stdio.h>
#include <string.h>
static REAL x1[40][3], x2[40][4];
static int token[40][3], y[40];
static unsigned char memory[2][kinds_STATE_BYTES + 3];
int main(int argc, char **argv)
{
    int rows = 0, bad[3] = {0, 1, 5}, same[3];
    REAL all[3], logits[3], scale[1];
    for (; rows < 40; rows++) {
        for (int i = 0; i < 7; i++)
            if (scanf(FORMAT ",", i < 3 ? &x1[rows][i] : &x2[rows][i - 3]) != 1)
                goto read;
        if (scanf("%d,%d,%d,%d", token[rows], token[rows] + 1, token[rows] + 2, &y[rows]) != 4)
            break;
    }
read:;
    void *a = memory[0] + 1, *b = memory[1] + 3;            /* anywhere */
    kinds_init(a, 3);
    kinds_init(b, 4);
    for (int epoch = 0; epoch < 6; epoch++) {
        for (int first = 0; first < rows; first += kinds_BATCH) {
            const int here = rows - first < kinds_BATCH ? rows - first : kinds_BATCH;
            const REAL loss = kinds_train_step(a, x1[first], x2[first], token[first], &y[first], here);
            kinds_train_step(b, x1[0], x2[0], token[0], y, 2);      /* another model does not disturb it, nor does a wrong call */
            kinds_predict(a, x1[1], x2[1], token[1], all, logits, scale, same);
            if (kinds_train_step(a, x1[0], x2[0], token[0], y, 0) == 0 || kinds_train_step(a, x1[0], x2[0], token[0], y, 9) == 0)
                return 4;
            const REAL refused = kinds_train_step(a, x1[0], x2[0], bad, y, 1);
            if (refused == refused)
                return 5;
            printf("%.17g\n", (double)loss);
        }
#ifdef BY_EPOCHS
        kinds_epoch_done(a);
#endif
    }
    static unsigned char bytes[20000];
    const size_t size = kinds_save(a, NULL, 0);
    memset(bytes, 7, sizeof bytes);
    if (size > sizeof bytes || kinds_save(a, bytes, size - 1) != size || bytes[0] != 7 || kinds_save(a, bytes, size) != size || bytes[size] != 7)
        return 6;
    FILE *out = fopen(argv[argc - 1], "wb");
    return out && fwrite(bytes, 1, size, out) == size && !fclose(out) ? 0 : 3;
}
END
kinds() {
    local precision=$1 schedule=$2 kernels=$3 real=float format=%f; shift 3
    [ "$precision" = f32 ] || { real=double format=%lf; }
    local defines=(-DREAL=$real "-DFORMAT=\"$format\"") tolerance=5e-5        # sums in another order: logits near 0 have few digits in common
    [ "$precision" = f32 ] || tolerance=1e-9
    [ "$schedule" != epoch ] || defines+=(-DBY_EPOCHS)
    local options=(--precision $precision --set schedule=$schedule --kernels $kernels)
    build p kinds.lua "${options[@]}" && status 0 ./p --no-shuffle --quiet --log log --save trained && status 0 ./p --init trained --predict predicted --quiet &&
    emit predict kinds.lua "${options[@]}" && with predict_kinds.c kinds "${defines[@]}" && ./user trained < kinds.csv > actual &&
    ./tensors get predicted token | awk 'NR % 3 == 2' > same && ./tensors get predicted for | awk 'NR % 3 == 0' > all && ./tensors get predicted logits | awk 'NR % 3 == 2' > logits &&
    ./tensors get predicted scale | awk -v rows=37 '{ for (i = 0; i < rows; i++) print }' > scale && paste -d '\n' same all logits scale > expected && near expected actual $tolerance &&
    emit library kinds.lua "${options[@]}" && with train_kinds.c kinds "${defines[@]}" && ./user saved < kinds.csv > actual &&
    values step loss log > expected && near expected actual $tolerance && ./tensors near saved trained $tolerance
}
check "every kind: f32" kinds f32 none fused
check "every kind: f64, the rate by steps" kinds f64 step fused
check "every kind: generic, the rate by epochs" kinds f32 epoch generic

# ---- one file without the runtime: C11, with and without vectors, the same numbers ----
bare() { local main=$1 name=$2; shift 2; status 0 $CC -std=c11 -pedantic $WARNINGS $CFLAGS_EXTRA "$@" -I. "$main" "$name.c" -lm -o user; }
for plain in "" -DNN_PLAIN; do
    check "standalone predict.c $plain" eval 'emit predict "$ROOT/models/digits.lua" --standalone && ! grep -q "include <nngen" digits.c && bare "$ROOT/examples/predict.c" digits $plain &&
        ./user digits.safetensors < rows.csv > said && last_column said'
    check "standalone train.c $plain" eval 'emit library "$ROOT/models/digits.lua" --data "$ROOT/models" --set batch=32 --standalone && bare "$ROOT/examples/train.c" digits $plain && ./user 100 saved < rows.csv > actual && near losses actual 1e-4'
done
bare_kinds() {
    local precision=$1 schedule=$2 kernels=$3; shift 3
    local options=(--precision $precision --set schedule=$schedule --kernels $kernels --standalone) defines=(-DREAL=double '-DFORMAT="%lf"' "$@")
    build p kinds.lua --precision $precision --set schedule=$schedule --kernels $kernels && status 0 ./p --no-shuffle --quiet --log log --save trained && status 0 ./p --init trained --predict predicted --quiet &&
    emit library kinds.lua "${options[@]}" && bare train_kinds.c kinds "${defines[@]}" && ./user saved < kinds.csv > actual &&
    values step loss log > expected && near expected actual 1e-9 && ./tensors near saved trained 1e-9 &&
    emit predict kinds.lua "${options[@]}" --weights trained && sed 's/|| kinds_load(argv\[1\])/|| !argv[1]/' predict_kinds.c > main.c && bare main.c kinds "${defines[@]}" && ./user trained < kinds.csv | awk 'NR % 4 == 3' > actual &&
    ./tensors get predicted logits | awk 'NR % 3 == 2' > expected && near expected actual 1e-9
}
check "standalone, every kind" bare_kinds f64 step fused
check "standalone, every kind, without vectors" bare_kinds f64 none fused -DNN_PLAIN
[ -z "${NNGEN_ALL:-}" ] || check "standalone, every kind, generic" bare_kinds f64 none generic
emit library "$ROOT/models/digits.lua" --data "$ROOT/models" --standalone --set batch=32 > none
check "two libraries in one program" eval 'sed "s/digits/second/g" digits.c > second.c && sed "s/digits/second/g; s/DIGITS/SECOND/g" digits.h > second.h && with "$ROOT/examples/train.c" digits second.c'

# ---- a whole program as one file: its log, its pictures' numbers and its checkpoint are those of the program that is linked ----
# (clang fuses multiply-adds by -ffp-contract=fast even where the text forbids it: there to rounding.)
is_clang() { $CC --version | grep -q clang; }
strip() { grep -v '"end"\|"partial"' "$1" | sed 's/,"seconds.*//; s/"file":[^,]*,//'; }
# alone STEPS NAME MODEL [OPTION…]: NAME.c with the runtime inside and linked.c without, by the same flags; the first resumes halfway.
alone() {
    local steps=$1 name=$2 run=(--data "$ROOT/models" --threads 1 --quiet --snapshot-every $(($1 / 2))); shift 2
    generate linked "$@" && generate "$name" "$@" --standalone && ! grep -q "^#include <nngen" "$name.c" && compile linked &&
    status 0 $CC "$name.c" ${flags%% -I*} $WARNINGS $CFLAGS_EXTRA -lm -o "$name" &&
    status 0 ./linked "${run[@]}" --steps "$steps" --log linked.jsonl --save linked.safetensors &&
    status 0 "./$name" "${run[@]}" --steps $((steps / 2)) --log alone.jsonl --save alone.safetensors &&
    status 0 "./$name" "${run[@]}" --steps "$steps" --log alone.jsonl --resume alone.safetensors --save alone.safetensors &&
    if is_clang; then ./tensors near linked.safetensors alone.safetensors 1e-5; return; fi
    diff <(strip linked.jsonl) <(strip alone.jsonl) && cmp linked.safetensors alone.safetensors
}
check "program: digits" alone 20 alone_digits "$ROOT/models/digits.lua" --data "$ROOT/models" --set optimizer=adam
check "program: every kind, f64" alone 14 alone_kinds kinds.lua --precision f64 --set schedule=step
check "program: C11 and no library but libm" status 0 $CC -std=c11 -pedantic $WARNINGS -O0 alone_digits.c -lm -o strict
check "program: without vectors" status 0 $CC -std=c11 -pedantic $WARNINGS -O0 -DNN_PLAIN alone_kinds.c -lm -o plain
check "its losses" eval 'status 0 ./plain --steps 14 --quiet --log plain.jsonl && values step loss linked.jsonl > expected && values step loss plain.jsonl > actual && near expected actual 1e-9'
check "its --predict" eval 'status 0 ./linked --init linked.safetensors --predict one --quiet && status 0 ./alone_kinds --init linked.safetensors --predict two --quiet && { is_clang || cmp one two; }'
check "its --check-gradients" eval 'generate checked kinds.lua --precision f64 --kernels generic --standalone && status 0 $CC checked.c -O0 -lm -o checked && status 0 ./checked --check-gradients && grep -q "worst relative deviation" said'
check "nn.show" eval 'generate shown "$ROOT/models/chain_rule.lua" --standalone && status 0 $CC -std=c11 shown.c -lm -o shown && status 0 ./shown && cp said expected && build linked "$ROOT/models/chain_rule.lua" && status 0 ./linked && cmp said expected'
cat > formats.lua <<'END'
local nn = require "nn"
local kind = nn.option("kind", "idx")
local x, label, data, classes
if kind == "text" then
  data = nn.data.text {train = "words.txt", context = 2, level = "char", bind = {text = "x", next = "label"}}
  classes = data.classes
  x, label = nn.float(nn.class("x", classes, {2})), nn.class("label", classes, {2})
else
  classes, x, label = 3, nn.input("x", {2}), nn.class("label", 3, {2})
  local files = kind == "npy" and {x = "x.npy", label = "label.npy"} or {x = "x.idx.gz", label = "label.idx"}
  data = nn.data[kind] {train = kind == "npz" and "rows.npz" or files}
end
local logits = nn.linear(2, 2 * classes, {name = "fc"})(x):reshape {2, classes}
return nn.train {loss = nn.cross_entropy(logits, label), optimizer = nn.sgd {lr = 0.1}, data = data, batch = 3, steps = 4, seed = 1}
END
printf '\0\0\10\2\0\0\0\4\0\0\0\2\1\2\3\4\5\6\7\10' > x.idx
printf '\0\0\10\2\0\0\0\4\0\0\0\2\0\1\2\1\0\0\1\2' > label.idx
for array in ${NNGEN_ALL:+x label}; do
    { printf '\223NUMPY\1\0\166\0%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 2), }"; tail -c 8 $array.idx; } > $array.npy
done
printf 'to be or not to be' > words.txt
gzip x.idx
alone_with_data() {
    generate alone formats.lua --set kind=$1 --standalone && status 0 $CC -std=c11 -pedantic $WARNINGS alone.c -lm -o alone &&
    generate linked formats.lua --set kind=$1 && status 0 $CC linked.c $flags -O0 -o linked && status 0 ./linked --quiet --log linked.jsonl &&
    { [ $1 != idx ] || { refused 1 "x.idx.gz: .*gunzip it first" ./alone --quiet && gunzip -k x.idx.gz; }; } &&
    status 0 ./alone --quiet --log alone.jsonl && values step loss linked.jsonl > expected && values step loss alone.jsonl > actual && near expected actual 1e-6
}
for kind in idx text ${NNGEN_ALL:+npy}; do check "program: data from $kind" alone_with_data $kind; done

# ---- refusals ----
no() { refused "$@" && { [ ! -e none.c ] && [ ! -e none.h ] || { echo "something was written"; return 1; }; }; }
models=$ROOT/models
check "nn.show" no 1 "chain_rule.lua:[0-9]+: error: --emit predict: nn.show prints values" "$NNGEN" "$models/chain_rule.lua" --emit predict -o none.c
check "a sweep" no 1 "rate_sweep.lua:[0-9]+: error: --emit library: this is a sweep of 20" "$NNGEN" "$models/rate_sweep.lua" --emit library -o none.c
check "no outputs" no 1 "parabola.lua:[0-9]+: error: --emit predict: the model has no outputs" "$NNGEN" "$models/parabola.lua" --emit predict -o none.c
check "no -o" no 2 "needs -o NAME.c" "$NNGEN" "$models/digits.lua" --emit predict
check "-o without .c" no 2 "must end in .c" "$NNGEN" "$models/digits.lua" --emit library -o none
check "--standalone with BLAS" no 2 "needs no library" "$NNGEN" "$models/digits.lua" --standalone --kernels blas -o none.c
check "--standalone with data that needs a library" no 1 "formats.lua:[0-9]+: error: --standalone: reading nn.data.npz needs a library" "$NNGEN" formats.lua --set kind=npz --standalone -o none.c
check "--standalone for CUDA" no 2 "without --target cuda" "$NNGEN" "$models/digits.lua" --standalone --target cuda -o none.c
check "predict for CUDA" no 2 "without --target cuda" "$NNGEN" "$models/digits.lua" --emit predict --target cuda -o none.c
check "--weights for a program" no 2 "goes with --emit" "$NNGEN" "$models/digits.lua" --weights digits.safetensors -o none.c
check "--weights of another model" no 1 "digits.lua:[0-9]+: error: --weights: 'other' has 'fc1.weight' with shape \(2, 2\)" "$NNGEN" "$models/digits.lua" --weights other --emit predict -o none.c
check "--weights nowhere" no 1 "nowhere" "$NNGEN" "$models/digits.lua" --weights nowhere --emit predict -o none.c
check "data for standardize" no 1 "kinds.csv" sh -c "mkdir -p elsewhere && cp kinds.lua elsewhere/ && '$NNGEN' elsewhere/kinds.lua --emit predict -o none.c"

# ---- every model; without NNGEN_ALL four of them ----
images=$(ls -d "${NNGEN_MNIST:-/usr/share/datasets/fashion-mnist}" 2> /dev/null)
optimize=-O1
[ -z "${NNGEN_ALL:-}" ] || optimize=-O2
every() {
    local kind=$1 name=$2
    emit "$kind" "$models/$name.lua" --data "$data" && status 0 $CC -c "$name.c" ${flags%% -I*} $CFLAGS_EXTRA $optimize -I"$(dirname "$NNGEN")/include" $WARNINGS -o "$name.o"
}
whole() { generate "$1" "$models/$1.lua" --data "$data" --standalone && status 0 $CC -std=c11 -pedantic $WARNINGS $CFLAGS_EXTRA $optimize "$1.c" -lm -o "$1"; }
for model in "$models"/*.lua; do
    name=$(basename "$model" .lua)
    data=$models
    case $name in
        *mnist* | softmax_regression | fashion_cnn) data=$images; [ -n "$data" ] || { skip "$name" "its images are not there"; continue; } ;;
    esac
    [ -z "${NNGEN_ALL:-}" ] || check "$name: one file" whole "$name"
    case $name in chain_rule | sigmoids | rate_sweep) continue ;; esac      # refused, above
    [ -n "${NNGEN_ALL:-}" ] || [[ " moons3 sum_square mnist_cnn characters " = *" $name "* ]] || continue
    case $name in parabola | sum_square) ;; *) check "$name: predict" every predict "$name" ;; esac
    check "$name: library" every library "$name"
done
