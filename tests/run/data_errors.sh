# Files as they come, good and bad: an emitted program reads what RFC 4180 and IDX allow, and refuses the rest with 1, the file
# and the place.
. "$(dirname "$0")/tools/case.bash"
tool tensors
model=$ROOT/tests/run/models/rows.lua
run() { status 0 ./p --data . --quiet --save s; }
csv() { printf '%b' "$1" > rows.csv; }
good='a,b,kind\n1,2,0\n-3,4.5,1\n1e-3,0,2\n5,6,1\n7,8,0\n'

csv "$good"
must "csv: builds" eval 'generate p $model --data . && compile p'
check "csv: runs" eval 'run && cp s first'
same() { csv "$2"; check "csv: $1" eval 'run && ./tensors compare first s 0'; }
same "lines end in CRLF" "${good//\\n/\\r\\n}"
same "a byte order mark" "\\xef\\xbb\\xbf$good"
same "no newline at the end" "${good%\\n}"
same "quotes" 'a,"b","kind"\n"1","2","0"\n-3,"4.5",1\n1e-3,0,2\n5,6,"1"\n7,8,0\n'
same "another order of columns, by name" "$good"
same "a quoted header with a comma, a newline and a quote" '"a,\n""a""",b,kind\n1,2,0\n-3,4.5,1\n1e-3,0,2\n5,6,1\n7,8,0\n'
same "numbers with a sign, an exponent, spaces" 'a,b,kind\n+1,2.0,0\n-3.0e0,45e-1,1\n.001,0.,2\n5,6,1\n7,8,0\n'

bad() { csv "$2"; check "csv: $1" refused 1 "rows.csv.*$3" ./p --data .; }
bad "an empty file" '' ''
bad "a header alone" 'a,b,kind\n' 'row'
bad "a short row names its line" 'a,b,kind\n1,2,0\n1,2\n' '3'
bad "a long row" 'a,b,kind\n1,2,0\n1,2,0,4\n' '3'
bad "an empty line" 'a,b,kind\n1,2,0\n\n1,2,0\n' '3'
bad "a word for a number" 'a,b,kind\n1,2,0\n1,two,0\n' '3.*two'
bad "half a number" 'a,b,kind\n1,2x,0\n' '2.*2x'
bad "an empty cell" 'a,b,kind\n1,,0\n' '2'
bad "NaN" 'a,b,kind\n1,nan,0\n' '2'
bad "a class out of range" 'a,b,kind\n1,2,0\n1,2,3\n' '3.*3'
bad "a negative class" 'a,b,kind\n1,2,-1\n' '2.*-1'
bad "a class with a fraction" 'a,b,kind\n1,2,1.5\n' '2.*1.5'
bad "a class too large for any integer" 'a,b,kind\n1,2,99999999999999999999\n' '2'
bad "a quote that does not end" 'a,b,kind\n1,2,0\n1,"2,0\n' '3'
bad "text after a quote" 'a,b,kind\n1,"2"x,0\n' '2'
bad "no such column" 'a,b,type\n1,2,0\n' 'kind'
bad "a zero byte" 'a,b,kind\n1,2\0000,0\n' '2'
rm -f rows.csv
check "csv: a missing file" refused 1 "rows.csv" ./p --data .
mkdir rows.csv
check "csv: a folder" refused 1 "rows.csv" ./p --data .
rmdir rows.csv
csv "$good"
check "csv: --data of a missing folder" refused 1 "nowhere" ./p --data nowhere
words='a,b,kind\n1,2,ant\n-3,4.5,bee\n1e-3,0,cat\n5,6,bee\n7,8,ant\n'
csv "$words"
check "csv: words are classes in sorted order" eval 'generate p $model --data . && compile p && run && ./tensors compare first s 0 nngen.'
csv "${words/bee/emu}"
check "csv: a fourth word for three classes" refused 1 "rows.csv" ./p --data .
csv '1,2,0\n-3,4.5,1\n1e-3,0,2\n5,6,1\n7,8,0\n'
check "csv: without a header, by number" eval 'generate p $model --set source=plain --data . && compile p && run && ./tensors compare first s 0 nngen.'
csv "$good"
check "csv: with a header, by number" eval 'run && ./tensors compare first s 0 nngen.'

# IDX: two bytes 0, type 8 (unsigned byte), dimensions, sizes, data
x='\000\000\010\002\000\000\000\005\000\000\000\002' rows='\001\002\003\004\005\006\007\010\011\012'
label='\000\000\010\001\000\000\000\005' classes='\000\001\002\001\000'
idx() { printf '%b' "$1" > x.idx; printf '%b' "$2" > class.idx; }
idx "$x$rows" "$label$classes"
check "idx: builds" eval 'generate p $model --set source=idx --data . && compile p'
check "idx: runs" eval 'run && cp s first'
bad_idx() { idx "$2" "$3"; check "idx: $1" refused 1 "$4" ./p --data .; }
bad_idx "a torn file" "$x${rows%\\012}" "$label$classes" 'x.idx'
bad_idx "bytes after the end" "$x$rows\\000" "$label$classes" 'x.idx'
bad_idx "a torn header" '\000\000\010\002\000\000' "$label$classes" 'x.idx'
bad_idx "another file" 'hello, world, this is no data file' "$label$classes" 'x.idx'
bad_idx "an unknown type" "${x/010/007}$rows" "$label$classes" 'x.idx'
bad_idx "another number of rows" "$x$rows" '\000\000\010\001\000\000\000\004\000\001\002\001' '(4.*5|5.*4)'
bad_idx "another number of elements" '\000\000\010\002\000\000\000\005\000\000\000\003\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001' "$label$classes" 'x.idx.*(3.*2|2.*3)'
bad_idx "a class out of range names its row" "$x$rows" "$label\\000\\001\\002\\003\\000" 'class.idx.*4'
bad_idx "no rows" '\000\000\010\002\000\000\000\000\000\000\000\002' '\000\000\010\001\000\000\000\000' 'row'
bad_idx "sizes that overflow" '\000\000\010\003\377\377\377\377\377\377\377\377\377\377\377\377\001' "$label$classes" 'x.idx'
bad_idx "an empty file" '' "$label$classes" 'x.idx'
idx '\000\000\015\002\000\000\000\005\000\000\000\002\077\200\000\000\177\300\000\000'"$(printf '\\000%.0s' {1..32})" "$label$classes"
check "idx: NaN among floats names its row" refused 1 "x.idx.*1" ./p --data .

idx "$x$rows" "$label$classes"
check "gz: builds" eval 'gzip -k x.idx && generate p $model --set source=gz --data . && compile p'
check "gz: the same rows" eval 'run && ./tensors compare first s 0 nngen.'
size=$(stat -c %s x.idx.gz); cp x.idx.gz whole.gz
for at in 5 12 $((size - 9)) $((size - 4)) $((size - 1)); do
    head -c $at whole.gz > x.idx.gz
    check "gz: torn after $at bytes" refused 1 "x.idx.gz" ./p --data .
done
{ head -c $((size - 8)) whole.gz; printf '\001\002\003\004'; tail -c 4 whole.gz; } > x.idx.gz
check "gz: a wrong checksum" refused 1 "x.idx.gz" ./p --data .
{ cat whole.gz; echo garbage; } > x.idx.gz
check "gz: more behind" refused 1 "x.idx.gz" ./p --data .
{ head -c 20 x.idx | gzip -c; tail -c +21 x.idx | gzip -c; } > x.idx.gz
check "gz: two members are one file" eval 'run && ./tensors compare first s 0 nngen.'
