# Every source of data trains a small model; the arrays that four formats hold are the same, so the weights are, to the bit.
. "$(dirname "$0")/tools/case.bash"
tool tensors
tool formats
./formats
make_npz() { if command -v zip > /dev/null; then zip -q "$@" train.npz x.npy class.npy; else python3 -m zipfile -c train.npz x.npy class.npy; fi; }
run() { status 0 ./p --data . --quiet --save s "$@"; }

model=$ROOT/tests/run/models/formats.lua
must "idx: builds" build p "$model" --set source=idx --data .
check "idx: runs" eval 'run --log log && cp s first'
values epoch loss log > losses
check "idx: the loss falls" falls losses
same() { rm -f s; check "$1: the same weights" eval 'build p "$model" --set source='"$1"' --data . && run && ./tensors compare first s 0 nngen.'; }
same npy
gzip x.npy
rm -f s; check "npy: gzipped, found by its plain name" eval 'run && ./tensors compare first s 0 nngen.'
gunzip x.npy.gz
if command -v zip > /dev/null || command -v python3 > /dev/null; then
    make_npz
    same npz
    rm train.npz
    command -v zip > /dev/null && make_npz -0 && rm -f s && check "npz: stored" eval 'run && ./tensors compare first s 0 nngen.'
    head -c 900 train.npz > torn && mv torn train.npz
    check "npz: torn" refused 1 "train.npz" ./p --data .
else
    skip "npz" "neither zip nor python3"
fi
same safetensors
head -c 700 train.safetensors > torn && mv torn train.safetensors
check "safetensors: torn" refused 1 "train.safetensors" ./p --data .
check "batch = all: the header is read when generating" refused 1 "train.safetensors" "$NNGEN" "$model" --set source=safetensors --data . -o q.c

model=$ROOT/tests/run/models/pictures.lua
./formats images
must "images: builds" build p "$model"
check "images: runs" eval 'run --log log'
values epoch loss log > losses
check "images: the loss falls" falls losses
check "images: it can tell what it has not seen" is "$(values epoch test_accuracy log | tail -n 1)" 1 0
check "augment: builds" build p "$model" --set augment=true
check "augment: runs" eval 'run --log augmented && cp s first'
check "augment: training sees other rows" eval '! cmp -s <(values epoch loss log) <(values epoch loss augmented)'
check "augment: it can tell what it has not seen" is "$(values epoch test_accuracy augmented | tail -n 1)" 1 0
check "augment: the same bits again" eval 'run && ./tensors compare first s 0'
check "augment: the same bits over a resume" eval 'run --epochs 9 && run --resume s && ./tensors compare first s 0'
rm -rf train/up/3.png; printf 'GIF89a' > train/up/3.gif
check "images: another file" refused 1 "train/up/3.gif.*(PNG|JPEG)" ./p --data .

model=$ROOT/tests/run/models/letters.lua
for i in 1 2 3 4 5 6 7 8 9 10; do printf 'añb€c'; done > book.txt; printf 'a' >> book.txt
for level in char byte; do
    must "text, $level: builds" build p "$model" --set level=$level --data .
    check "text, $level: runs" eval 'run --log log'
    values epoch loss log > losses
    check "text, $level: the loss falls" falls losses
done
must "text, char: builds again" build p "$model" --data .
check "text, char: every next character is learnt" eval 'run --log log && is "$(values epoch train_accuracy log | tail -n 1)" 1 0'
check "text, char: as many classes as code points" grep -q 'classes = 5,' p.c
printf 'añb€cd and more' > book.txt
check "text: a text with other characters" refused 1 "book.txt.*distinct" ./p --data .
rm book.txt
check "text: classes need the file" refused 1 "book.txt" "$NNGEN" "$model" --data . -o q.c
