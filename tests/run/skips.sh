# Gradients behind a max-pool, whose zeros are skipped, and behind strides, residue by residue: fused against generic, every tensor after one
# step and after three (the second batch is partial). Images that windows fill or leave a rest of, pools of 2 and 3, strides, padding, few and
# many channels, one row, f64. And convolutions of which only the channels are computed that dropout2d keeps: some, nearly none, all.
. "$(dirname "$0")/tools/case.bash"
tool tensors

# windows: the sum takes one element of each window by its place; elements: it looks at all of an array; residues: a kernel for each
# residue of the stride; kept: channels by a list of them; all, listed: sums that grow in registers, by every window, by those in a list
same_by_threads() {
    status 0 ./fused --quiet --steps 3 --save one || return 1
    for threads in 2 3; do status 0 ./fused --quiet --steps 3 --threads $threads --save several && cmp one several || return 1; done
}

while read -r how shape; do
    settings=
    for setting in $shape; do
        case $setting in
        f64) settings="$settings --precision f64" ;;
        *) settings="$settings --set $setting" ;;
        esac
    done
    for kind in fused generic; do
        check "$shape: builds $kind" build $kind "$ROOT/tests/run/models/skips.lua" --kernels $kind $settings --instruction-limit 100000000
    done
    case $how in
    windows) check "$shape: one element a window" eval 'grep -q "NN_ADD_RUN(" fused.c && ! grep -q "float d_conv2\[restrict" fused.c'
             check "$shape: a largest value and its place in one loop" eval 'grep -q "best = .* > conv1_pool ? " fused.c' ;;
    all) check "$shape: every window in registers" eval 'tr -s "\n " " " < fused.c | grep -q "NN_ADD_RUNS([^;]* for (int [a-m,o-z] ="' ;;
    listed) check "$shape: living windows in registers" grep -q "int living = 0;" fused.c ;;
    kept) check "$shape: kept channels" grep -q "kept\[number_kept\] = " fused.c ;;
    elements) check "$shape: elements that are not zero" eval 'grep -q "NN_ADD_RUN(" fused.c && grep -q "float d_conv2\[restrict" fused.c' ;;
    residues) check "$shape: nine kernels, each of its own taps" eval '[ "$(grep -c "sum_.*conv2_weight\[n,i,3 k" fused.c)" = 9 ]' ;;
    esac
    check "$shape: agree" agree
    check "$shape: the same bits by two threads and three" same_by_threads
done <<'CASES'
windows size=14 channels=8 rows=1
windows size=16 inputs=3 channels=10 kernel=5 padding=2
elements size=13 channels=9 rows=3
windows size=18 channels=16 pool=3 padding=1
all size=28 channels=10 kernel=5 rows=7
all size=31 channels=4 kernel=5 pool=3 rows=3 f64
listed size=28 channels=10 kernel=5 rows=7
listed size=18 inputs=3 channels=11 kernel=3 padding=1 rows=4 f64
kept size=28 channels=10 kernel=5 rows=7
kept size=28 channels=9 kernel=3 rows=8 dropout=0.9
any size=40 inputs=2 channels=17 kernel=3 pool=3 rows=11
kept size=28 channels=12 kernel=5 rows=9 dropout=0.3 f64
any size=17 inputs=2 channels=7 kernel=5 stride=2 padding=1
residues size=20 channels=17 kernel=7 stride=3 padding=2 pool=1 dropout=0 rows=3
CASES
