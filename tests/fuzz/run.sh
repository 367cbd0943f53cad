#!/usr/bin/env bash
# run.sh [SECONDS] [FORMAT…]: fuzzes the readers of data (readers.c), each for SECONDS (120), from tests/fuzz/seeds/FORMAT where
# there is one. What it finds stays in the folder that it names. Needs clang with libFuzzer and the sanitizers.
set -eu
export ASAN_OPTIONS=detect_leaks=0                  # a refusal leaves what libzip and stdio held
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD seconds=${1:-120}; shift || true
formats=("$@"); [ $# -gt 0 ] || formats=(npy npz safetensors images text idx csv)
work=$(mktemp -d); echo "in $work"
flags=(-std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -I runtime -I /usr/include/cjson -isystem /usr/include/stb)
for file in runtime/*.c; do
    case $file in */failure.c | */memory.c) continue ;; esac         # readers.c stands in for them
    clang "${flags[@]}" -fsanitize=fuzzer-no-link -c "$file" -o "$work/$(basename "$file" .c).o"
done
for format in "${formats[@]}"; do
    mkdir -p "$work/$format"
    clang "${flags[@]}" -fsanitize=fuzzer -DFORMAT=NN_DATA_"${format^^}" tests/fuzz/readers.c "$work"/*.o -lzip -lz -lcjson -lm -o "$work/fuzz_$format"
    seeds=(); [ -d "tests/fuzz/seeds/$format" ] && seeds=("tests/fuzz/seeds/$format")
    echo "== $format"
    (cd "$work/$format" && mkdir -p corpus && "$work/fuzz_$format" -max_len=4096 -max_total_time="$seconds" -rss_limit_mb=6000 \
        -timeout=5 -print_final_stats=0 -verbosity=0 corpus "${seeds[@]/#/$root/}") 2>&1 | grep -v "^INFO" | tail -n 25
done
