# Gradients behind a max-pool, whose zeros are skipped, and behind strides, residue by residue: fused against generic, every tensor after one
# step and after three (the second batch is partial). Images that windows fill or leave a rest of, pools of 2 and 3, strides, padding, few and
# many channels, one row, f64.
. "$(dirname "$0")/tools/case.bash"
tool tensors

# windows: the sum takes one element of each window by its place; elements: it looks at all of an array; residues: a kernel for each
# residue of the stride
while read -r how shape; do
    settings=
    for setting in $shape; do settings="$settings --set $setting"; done
    for kind in fused generic; do
        check "$shape: builds $kind" build $kind "$ROOT/tests/run/models/skips.lua" --kernels $kind $settings --instruction-limit 100000000
    done
    case $how in
    windows) check "$shape: one element a window" eval 'grep -q "NN_ADD_RUN(" fused.c && ! grep -q "float d_conv2\[restrict" fused.c' ;;
    elements) check "$shape: elements that are not zero" eval 'grep -q "NN_ADD_RUN(" fused.c && grep -q "float d_conv2\[restrict" fused.c' ;;
    residues) check "$shape: nine kernels, each of its own taps" eval '[ "$(grep -c "sum_.*conv2_weight\[n,i,3 \* k" fused.c)" = 9 ]' ;;
    esac
    check "$shape: agree" agree
done <<'CASES'
windows size=14 channels=8 rows=1
windows size=16 inputs=3 channels=10 kernel=5 padding=2
elements size=13 channels=9 rows=3
windows size=18 channels=16 pool=3 padding=1
any size=17 inputs=2 channels=7 kernel=5 stride=2 padding=1
residues size=20 channels=17 kernel=7 stride=3 padding=2 pool=1 dropout=0 rows=3
CASES
