# cmake --install: what is there, and that nngen works from there and after being moved.
. "$(dirname "$0")/tools/case.bash"
build_folder=$(dirname "$NNGEN")
[ -f "$build_folder/CMakeCache.txt" ] || { skip "install" "$build_folder is no build folder"; exit 0; }
check "installs" status 0 cmake --install "$build_folder" --prefix "$WORK/there"
lib=$(dirname "$(find there -name libnngen.a)")
for file in bin/nngen include/nngen/runtime.h share/nngen/nn.lua share/nngen/models/digits.lua share/man/man1/nngen.1; do
    check "$file" test -s "there/$file"
done
check "templates" test -d there/share/nngen/templates
check "libnngen.a" test -s "$lib/libnngen.a"
check "nngen.pc" grep -q "^Libs:.*-lnngen" "$lib/pkgconfig/nngen.pc"
mv there moved
NNGEN=$WORK/moved/bin/nngen
check "its flags name its own files" eval '"$NNGEN" flags | grep -q "$WORK/moved/include" && "$NNGEN" flags | grep -q "$WORK/moved/.*/libnngen.a"'
check "builds and runs a model of its own" eval 'build p moved/share/nngen/models/digits.lua && status 0 ./p --steps 3 --quiet'
mkdir "a b" && mv moved "a b/moved"
check "a blank in the path is refused by flags" refused 3 "blank" "a b/moved/bin/nngen" flags
