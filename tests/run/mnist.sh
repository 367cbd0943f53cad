# models/mnist_mlp.lua and mnist_linear2.lua on real images: accuracy (within what PyTorch's seeds give), and the same bits over
# threads and a resume.
# NNGEN_MNIST names a folder with MNIST's four files; without it Fashion-MNIST of Debian's package, where it is installed.
. "$(dirname "$0")/tools/case.bash"
tool tensors; tool json
fashion=/usr/share/datasets/fashion-mnist
if [ -n "${NNGEN_MNIST:-}" ]; then
    data=$NNGEN_MNIST; low="0.914 0.932 0 0 0.958"; high="0.938 0.956 1 1 1"; linear="0.912 0.932"     # PyTorch's spread over seeds
elif [ -d $fashion ]; then
    data=$fashion; low="0.81 0.81 0.82 0.83 0.84"; high="0.86 0.875 0.88 0.885 0.89"; linear="0.83 0.85"   # PyTorch: 0.831 to 0.837 after the first, 0.857 to 0.871 after the fifth
else
    skip "mnist_mlp" "no MNIST (NNGEN_MNIST names its folder) and no package dataset-fashion-mnist"
    exit 0
fi

# Processor time, so that a busy machine is no fault.
milliseconds() { local TIMEFORMAT='%U %S' spent; spent=$( { time "$@" > /dev/null 2>&1; } 2>&1 ); awk '{ print int(1000 * ($1 + $2)) }' <<< "$spent"; }
must "builds" build p "$ROOT/models/mnist_mlp.lua" --data "$data"
check "runs its five epochs" status 0 ./p --data "$data" --log log --log-every 1000
check "the log is JSON" ./json < log
accuracies() {
    values epoch test_accuracy log | awk -v low="$low" -v high="$high" 'BEGIN { split(low, l); split(high, h) }
        { if (!($1 >= l[NR] && $1 <= h[NR])) { print "after epoch " NR ": " $1 ", expected " l[NR] " to " h[NR]; bad = 1 } }
        END { if (NR != 5) { print NR " epochs"; bad = 1 } exit bad }'
}
check "accuracy after each epoch" accuracies
for threads in 1 2; do check "500 steps, --threads $threads" status 0 ./p --data "$data" --quiet --steps 500 --threads $threads --save t$threads; done
check "the same bits" cmp t1 t2
check "250 + 250" eval 'status 0 ./p --data $data --quiet --steps 250 --save h && status 0 ./p --data $data --quiet --resume h --steps 500 --save r && cmp t1 r'
quick() { local spent; spent=$(milliseconds "${@:2}"); [ "$spent" -lt "$1" ] || { echo "$spent ms"; return 1; }; }
linear() {
    build l "$ROOT/models/mnist_linear2.lua" --data "$data" && status 0 ./l --data "$data" --quiet --log log --log-every 1000 &&
    values epoch test_accuracy log | awk -v range="$linear" 'BEGIN { split(range, r) } { last = $1 } END { if (NR != 10 || last < r[1] || last > r[2]) { print last " after " NR " epochs"; exit 1 } }'
}
check "mnist_linear2: accuracy after ten epochs" linear
if is_sanitized; then skip "generated in 50 ms, compiled in 2 s" "not under sanitizers"; exit 0; fi
check "generated in 50 ms" quick 50 "$NNGEN" "$ROOT/models/mnist_mlp.lua" --data "$data" -o q.c
check "compiled in 2 s" quick 2000 $CC p.c $("$NNGEN" flags) -o q
