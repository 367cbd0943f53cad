# Faults planted in kernels, and that the stand-in shows each: by its complaint, by another result than C's, or by bits that hang on the
# order of threads. (Copies that arrive later, cp.async, and double buffers are not in these kernels; so their faults are not here.)
# NNGEN_STAND_IN_CC is a compiler that spoils what it is given first.
. "$(dirname "$0")/tools/case.bash"
. "$ROOT/tests/gpu/stand_in.bash"
tool tensors
export NNGEN_CUDA_CACHE=
model=$ROOT/tests/gpu/faults.lua

must "builds" eval 'generate c "$model" && compile c -O0 && generate g "$model" --target cuda --precision tf32 && compile g -O0 && status 0 ./c --quiet --save right'
cat > spoil << 'END'
#!/usr/bin/env bash
for word; do case $word in */kernels.c) folder=${word%/kernels.c} ;; esac; done
cat "$folder/kernels.c" "$folder/nngen/device.h" > before
sed -i -E "$IN_KERNELS" "$folder/kernels.c" && sed -i -E "$IN_DEVICE" "$folder/nngen/device.h" || exit 1
cat "$folder/kernels.c" "$folder/nngen/device.h" | cmp -s - before && [ -n "$IN_KERNELS$IN_DEVICE" ] && touch not_there
exec "$GOOD_CC" "$@"
END
chmod +x spoil
export GOOD_CC=$CC NNGEN_STAND_IN_CC=$WORK/spoil IN_KERNELS='' IN_DEVICE='' NNGEN_CUDA_STEPS=0
# tf32 keeps all bits, so that results are C's to rounding
ordinary="-DNN_FULL_PRODUCTS -O0 -g0"

# looks_right: all four orders of threads end well, in C's result and in the same bits.
looks_right() {
    local order
    rm -f not_there again
    for order in 0 1 2 3; do
        NNGEN_STAND_IN_FLAGS=$ordinary NNGEN_STAND_IN_SCHEDULE=$order timeout 60 ./g --quiet --save got > said 2>&1 || { echo "order $order: $(tail -n 1 said | cut -c 1-200)"; return 1; }
        ./tensors compare right got 1024 nngen.sums > told || { echo "order $order: $(tail -n 1 told)"; return 1; }
        [ ! -e again ] || cmp -s got again || { echo "order $order: other bits"; return 1; }
        mv got again
    done
}
must "without a fault all is right" looks_right

shows() {
    local name=$1 how; shift
    export "$@"
    if how=$(looks_right); then not_ok "$name" "it is not seen"; elif [ -e not_there ]; then not_ok "$name" "it could not be planted"; else ok "$name ($how)"; fi
    export IN_KERNELS='' IN_DEVICE=''
}
shows "a tile is read before it is there" IN_KERNELS='/ forward_wide\(/s/__syncthreads\(\);//1'
shows "a tile is overwritten while others read it" IN_KERNELS='/ forward_wide\(/s/__syncthreads\(\);//2'
shows "the same on tensor cores, before" IN_KERNELS='/ update_wide_weight\(/s/__syncthreads\(\);//1'
shows "a barrier that not all reach" IN_KERNELS='/ forward_wide\(/s/__syncthreads\(\);/if (threadIdx.x < 64) __syncthreads();/1'
shows "a fragment's row" IN_DEVICE='s/nn_k \+ 4, NN_CORE_ROW\(ROWS, nn_r\)/nn_k + 4, NN_CORE_ROW(ROWS, nn_r ^ 1)/'
shows "no check of bounds where a tile is written" IN_KERNELS='/ forward_wide\(/s/if \([^)]*\) continue;//'
shows "no check of bounds where a thread has a point" IN_KERNELS='/ update_wide_bias\(|update_bias\(/s/if \([a-z]+ >= 300\) return;//'
shows "a sum without the last row" IN_KERNELS='/ update_scores_bias\(/s/b < BATCH;/b < BATCH - 1;/'
shows "a product without the last part of its fold" IN_KERNELS='/ forward_wide\(/s/i0 < 300/i0 < 288/'
shows "the wrong side of relu" IN_KERNELS='/ backward_norm\(/s/h\[b\]\[i\] > 0/h[b][i] <= 0/'
shows "sums of warps are read before they are there" IN_DEVICE='0,/__syncthreads\(\);/s///'
shows "sums of warps in one place" IN_DEVICE='s/part\[threadIdx\.x \/ NN_WARP\] = x/part[0] = x/'
shows "a shuffle too few" IN_DEVICE='s/m = NN_WARP \/ 2/m = NN_WARP \/ 4/'
shows "rows that go to one place, not added" IN_KERNELS='/ backward_words_weight\(/s/\+= /= /'

# Past the end of an array: AddressSanitizer has the program and its kernels, and the bounds that the types say.
asan="-fsanitize=address,undefined -fno-sanitize-recover=all"
if ! { compile g -O0 $asan && NNGEN_STAND_IN_FLAGS="$ordinary $asan" status 0 ./g --quiet --save got; }; then
    skip "AddressSanitizer" "$(tail -n 1 said | cut -c 1-200)"
else
    check "AddressSanitizer finds nothing where nothing is" ./tensors compare right got 1024 nngen.sums
    overruns() {
        rm -f not_there
        export "$2"
        NNGEN_STAND_IN_FLAGS="$ordinary $asan" ./g --quiet > said 2>&1 && { echo "it is not seen"; return 1; }
        [ ! -e not_there ] || { echo "it could not be planted"; return 1; }
        grep -Eq "$1" said || { tail -n 3 said; return 1; }
    }
    check "past the end of shared memory" overruns "global-buffer-overflow|out of bounds" IN_KERNELS='/ forward_wide\(/s/left_tile\[32\]/left_tile[31]/'
    check "past the end of a row" overruns "out of bounds|buffer-overflow" IN_KERNELS='/ forward_h\(/s/h\[b\]\[i\] = /h[b][i + 20] = /'
    check "before the state" overruns "heap-buffer-overflow" IN_KERNELS='/ update_words_weight\(/s/words_weight\[j\]/words_weight[j - 1]/'
fi
