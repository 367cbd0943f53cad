# cmake --install: what is there, and that nngen works from there and after being moved.
. "$(dirname "$0")/tools/case.bash"
build_folder=$(dirname "$NNGEN")
[ -f "$build_folder/CMakeCache.txt" ] || { skip "install" "$build_folder is no build folder"; exit 0; }
check "installs" status 0 cmake --install "$build_folder" --prefix "$WORK/there"
lib=$(dirname "$(find there -name libnngen.a)")
for file in bin/nngen include/nngen/runtime.h share/nngen/nn.lua share/nngen/models/digits.lua share/man/man1/nngen.1 \
    share/bash-completion/completions/nngen share/nngen/annotations/nn.lua; do
    check "$file" test -s "there/$file"
done
check "templates" test -d there/share/nngen/templates
check "libnngen.a" test -s "$lib/libnngen.a"
check "nngen.pc" grep -q "^Libs:.*-lnngen" "$lib/pkgconfig/nngen.pc"
completion=$WORK/there/share/bash-completion/completions/nngen

# ---- completion: what bash offers for the words of a call, the last of which is being written ----

touch model.lua data.txt run.jsonl
completed() { (cd "$WORK" && source "$completion" && COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) && { _nngen; printf '%s\n' "${COMPREPLY[@]}" | sort; }); }
offers() { local expected=$1; shift; check "completes '$*'" test "$(completed "$@" | tr '\n' ' ')" = "$expected"; }
offers "report run " nngen r
offers "model.lua " nngen mo
offers "model.lua " nngen explain mo
offers "run.jsonl " nngen report run.
offers "--kernels-table " nngen bench --ker
offers "fused " nngen run --kernels f
offers "fused " nngen run --kernels = f
offers "blas fused generic " nngen --kernels =
offers "data.txt " nngen run model.lua --report da
offers "data.txt " nngen run model.lua -- --log da
for command in "" run check bench explain report; do
    check "offers every option of 'nngen $command'" eval 'diff <("$NNGEN" $command --help | grep -o "^  --*[a-z-]*" | tr -d " " | sort) <(completed nngen $command - | sort)'
done

# ---- the manual page, and the language for editors ----

check "the manual page has every option" eval 'for o in $(for c in "" run check bench explain report; do "$NNGEN" $c --help | grep -o "^  --*[a-z-]*"; done | sort -u); do grep -qF -- "${o//-/\\-}" there/share/man/man1/nngen.1 || { echo "no $o"; exit 1; }; done'
if command -v man > /dev/null && man -l there/share/man/man1/nngen.1 > /dev/null 2>&1; then
    check "and no fault" eval 'said=$(MANWIDTH=80 man --warnings -l there/share/man/man1/nngen.1 2>&1 > /dev/null); [ -z "$said" ] || { echo "$said"; exit 1; }'
else
    skip "the manual page has no fault" "man is not installed"
fi
cp there/share/nngen/annotations/nn.lua declarations.lua
printf 'local declared = require "declarations"\nlocal nn = require "nn"\nlocal function same(a, b, where)\n  for k, v in pairs(a) do if b[k] == nil then error(where .. k) end if type(v) == "table" and type(b[k]) == "table" then same(v, b[k], where .. k .. ".") end end\nend\nsame(nn, declared, "not declared: ") same(declared, nn, "declared: ")\nlocal x = nn.parameter("x", {}, 1)\nreturn nn.show {x = x}\n' > declared.lua
check "the annotations declare the names of nn, and no other" status 0 "$NNGEN" declared.lua -o declared.c
check "and parameters with types" grep -q "^---@param options? {bias?: boolean, eps?: number, name?: string" declarations.lua
mv there moved
NNGEN=$WORK/moved/bin/nngen
check "its flags name its own files" eval '"$NNGEN" flags | grep -q "$WORK/moved/include" && "$NNGEN" flags | grep -q "$WORK/moved/.*/libnngen.a"'
check "builds and runs a model of its own" eval 'build p moved/share/nngen/models/digits.lua && status 0 ./p --steps 3 --quiet'
mkdir "a b" && mv moved "a b/moved"
check "a blank in the path is refused by flags" refused 3 "blank" "a b/moved/bin/nngen" flags
