# parity.bash: C against CUDA, for run/cuda_parity (on the stand-in) and gpu/run (on a GPU). Needs run/tools/case.bash.
#
# Both programs of a model take one step from the same state, at the beginning and after the first step, and every tensor of the
# two agrees to rounding (32 units in the last place of its largest element times the root of the longest fold); so do
# the logs, which hold losses, metrics and evaluations. What is printed by a model of nn.show agrees likewise.

# same_numbers A B TOLERANCE: two texts are equal but for the sizes of numbers, relative to max(|a|, 1e-3).
same_numbers() {
    awk -v tolerance="$3" '
        function words(line, out) { gsub(/[\[\]{},:=]/, " & ", line); return split(line, out, /[ \t]+/) }
        NR == FNR { expected[++count] = $0; next }
        { actual[++found] = $0 }
        END {
            if (count != found) { print count " lines, not " found; exit 1 }
            for (l = 1; l <= count; l++) {
                n = words(expected[l], a); m = words(actual[l], b)
                if (n != m) { print "line " l ": " expected[l] "  against  " actual[l]; exit 1 }
                for (i = 1; i <= n; i++) {
                    if (a[i] == b[i]) continue
                    size = a[i] < 0 ? -a[i] : a[i]; if (size < 1e-3) size = 1e-3
                    d = a[i] - b[i]; if (d < 0) d = -d
                    if (a[i] !~ /^-?[0-9]/ || b[i] !~ /^-?[0-9]/ || !(d <= tolerance * size)) {
                        print "line " l ": " a[i] " against " b[i] " in " expected[l]; exit 1 }
                }
            }
        }' "$1" "$2"
}
untimed() { sed 's/"seconds":[^,}]*//;s/"samples_per_second":[^,}]*//;s/,"reason.*//' "$1"; }

# both MODEL [OPTION…]: c and g, the program in C and the one for a GPU. No number depends on what a compiler does to be fast.
both() {
    rm -f c g
    generate c "$@" && compile c -O0 && generate g "$@" --target cuda && compile g -O0
}

# one_step ULPS TOLERANCE [FLAG…]: from the beginning, or from --resume. ULPS may be "near": all within TOLERANCE of the largest
# element or of 1e-3, for models with parameters whose gradient is 0 in mathematics, as a bias before batch norm.
one_step() {
    local ulps=$1 tolerance=$2 kind; shift 2
    for kind in c g; do status 0 timeout 100 ./$kind --quiet --save after.$kind --log log.$kind "$@" || return 1; done
    if [ "$ulps" = near ]; then ./tensors near after.c after.g "$tolerance"; else ./tensors compare after.c after.g "$ulps" nngen.sums; fi &&
    same_numbers <(untimed log.c) <(untimed log.g) "$tolerance"
}

# agrees NAME MODEL OPTIONS FLAGS [ULPS [TOLERANCE [FIRST]]]: one check; FIRST: flags of the first step alone
agrees() {
    local name=$1 model=$2 options=$3 flags=$4 ulps=${5:-1024} tolerance=${6:-1e-4} first=${7:-}
    check "$name" agrees_here
}
agrees_here() {
    both "$model" $options && is_small g.c || return 1
    "$NNGEN" "$model" $options --dump=specialise --stop-after=specialise | sed -n 's/^%[0-9]* = \([a-z_0-9]*\)(.*/\1/p' >> operations_seen
    if grep -q nn_show c.c; then
        status 0 ./c $flags && mv said said.c && status 0 timeout 100 ./g $flags && mv said said.g && same_numbers said.c said.g "$tolerance"
        return
    fi
    one_step "$ulps" "$tolerance" $flags $first --steps 1 || { echo "(step 1)"; return 1; }
    cp after.c state && one_step "$ulps" "$tolerance" $flags --resume state --steps 2 || { echo "(step 2)"; return 1; }
}

# draws_the_same: the device's words, uniforms, permutations and moves against the host's, one by one.
draws_the_same() { status 0 $CC -std=gnu11 $WARNINGS -I"$ROOT/runtime" "$ROOT/tests/gpu/words.c" $("$NNGEN" flags) -o words && { status 0 ./words || { cat said; false; }; }; }

# every_operation: what agreed had each row of ops.def; `mode` and `detach` are gone before there are kernels.
every_operation() {
    local missing
    missing=$("$NNGEN" ops | sed '1d;s/ .*//' | grep -vxE 'mode|detach' | sort | comm -23 - <(sort -u operations_seen))
    [ -z "$missing" ] || { echo "in no model: $missing"; return 1; }
}

# ---- the models ----

# A copy of the model with few rows, a short batch, and where that is not enough fewer channels: at most 2 MFLOP a step (is_small).
declare -A SET=([digits]="--set batch=6" [cubic_mlp]="--set batch=6" [characters]="--set time=4") BATCH=([mnist_cnn]=2 [fashion_cnn]=2 [characters]=2 [mnist_mlp]=5)
declare -A CUT=(
    [mnist_cnn]="s/(1, 10, 5/(1, 4, 5/;s/(10, 20, 5/(4, 7, 5/;s/(320, /(112, /"
    [fashion_cnn]="s/(1, 8, 5/(1, 3, 5/;s/(8, 16, 5/(3, 7, 5/;s/(400, /(175, /"
    [characters]="s/width, 96/width, 40/"
    [mnist_scratch]="s/batch = \"all\"/batch = 5/"
)
small() { sed "s/batch = [0-9][0-9]*/batch = ${BATCH[$1]:-6}/;s/rows = {[a-z]* = [0-9]*},*//;${CUT[$1]:-}" "$ROOT/models/$1.lua" > "$1.lua"; echo "$1.lua"; }
is_small() { sed -n 's/^ \*   one step  *\([0-9.]*\) \([kMG]*\)FLOP.*/\1 \2/p' "$1" | awk '{ n = $1 * ($2 == "k" ? 1e3 : $2 == "M" ? 1e6 : $2 == "G" ? 1e9 : 1) } n > 2e6 { print "a step has " $1 " " $2 "FLOP"; exit 1 }'; }

# each_agreement COMMAND: calls COMMAND KIND NAME ARGUMENT… for every model that is held against C; `agrees NAME ARGUMENT…` does it.
# In the folder `images` are some.
each_agreement() {
    local take=$1 file name data way
    for file in "$ROOT"/models/*.lua; do
        name=$(basename "$file" .lua) data=$ROOT/models
        grep -q idx "$file" && data=images
        "$take" models "$name" "$(small "$name")" "${SET[$name]:-} --data $data" "--data $data"
    done
    # the gradient of a key's bias is 0 in mathematics: in f32 Adam makes whole steps of its rounding
    "$take" models characters,attention "$(small characters)" "${SET[characters]} --set network=attention --precision f64 --data $ROOT/models" \
        "--data $ROOT/models" near 1e-8
    for name in $(sed -n 's/.*"case": "\([^"]*\)".*/\1/p' "$ROOT/tests/parity/recorded/networks.jsonl"); do
        "$take" networks "$name" "$ROOT/tests/parity/networks.lua" "--set case=$name --precision f64" "" near 1e-8 \
            "--init $ROOT/tests/parity/recorded/networks/$name.initial"
    done
    for way in none feature all; do
        "$take" programs "augmented,$way" "$ROOT/tests/gpu/augmented.lua" "--set standardize=$way" ""
    done
    for file in "$ROOT"/tests/models/*.lua "$ROOT"/tests/gpu/operations.lua "$ROOT"/tests/run/models/dropout.lua; do
        "$take" programs "$(basename "$file" .lua)" "$file" "" ""
    done
}
