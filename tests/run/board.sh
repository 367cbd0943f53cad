# The digits library, one file, trained on an emulated board: a Cortex-M4 with 4 MB of memory, no operating system, no files. Its
# losses are those of the program on this machine.
. "$(dirname "$0")/tools/case.bash"
for tool in arm-none-eabi-gcc qemu-system-arm; do
    command -v $tool > /dev/null || { skip "a Cortex-M board" "$tool is not there (gcc-arm-none-eabi, libnewlib-arm-none-eabi, qemu-system-arm)"; exit 0; }
done
board=$ROOT/tests/run/board
processor="-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16"
awk -F, 'NR > 1 && NR <= 1348 { for (i = 1; i <= 64; i++) row[NR] = row[NR] $i ","; label = label $65 "," }
    END { print "enum { ROWS = 1347 };\nstatic const unsigned char pixels[ROWS][64] = {"; for (n = 2; n <= 1348; n++) print "{" row[n] "},";
          print "};\nstatic const unsigned char label[ROWS] = {" label "};" }' "$ROOT/models/data/digits.csv" > rows.h

must "desk" eval 'build p "$ROOT/tests/parity/digits.lua" --set batch=32 --data "$ROOT/models/data" && status 0 ./p --data "$ROOT/models/data" --no-shuffle --steps 100 --quiet --log log'
values step loss log > expected
must "library" status 0 "$NNGEN" "$ROOT/models/digits.lua" --set batch=32 --emit library --standalone -o digits.c
must "board: compiled" status 0 arm-none-eabi-gcc -std=c11 $WARNINGS $processor -O2 -ffunction-sections -fdata-sections -c digits.c
must "board: linked" status 0 arm-none-eabi-gcc -std=gnu11 $WARNINGS $processor -O2 -I. "$board/board.c" digits.o -T "$board/board.ld" -nostartfiles --specs=rdimon.specs -Wl,--gc-sections -lm -o board.elf
check "board: 100 steps in a minute" status 0 timeout 60 qemu-system-arm -M mps2-an386 -display none -monitor none -serial none -semihosting-config enable=on,target=native -kernel board.elf
tr -d '\r' < said > actual
check "board: the losses of the desk" near expected actual 1e-4
read -r text data bss rest < <(arm-none-eabi-size digits.o | tail -n 1)
echo "# the library takes $text bytes of code and constants, $((data + bss)) of static data; a state takes $(sed -n 's/.*STATE_BYTES = \([0-9]*\),.*/\1/p' digits.h) bytes"
check "board: no static data" test "$((data + bss))" = 0
check "board: no allocation, no files" eval '! arm-none-eabi-nm -u digits.o | grep -E "malloc|free|fopen|write|printf|exit"'
