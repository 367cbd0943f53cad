# odd_files.sh: files that are no plain files, or lie where they should not: links, pipes, devices, names at the limits.
. "$(dirname "$0")/tools/case.bash"

# ---- require stays in the model's folder, links followed ----
mkdir -p inside/sub outside
echo 'return 1' | tee outside/evil.lua > inside/sub/good.lua
ln -s ../outside/evil.lua inside/link.lua
ln -s ../outside inside/folder
ln -s sub/good.lua inside/alias.lua
ln -s inside entry
require() { printf 'require "%s"\nlocal nn = require "nn"\nreturn nn.show {y = 1}\n' "$1" > inside/model.lua; }
for module in link folder.evil; do
    require $module
    check "require $module" refused 1 "model.lua:1: error: require: there is no file" "$NNGEN" inside/model.lua -o x.c
done
for module in sub.good alias; do
    require $module
    check "require $module" status 0 "$NNGEN" inside/model.lua -o x.c
    check "require $module, through a link" status 0 "$NNGEN" entry/model.lua -o x.c
done
(cd inside && check "require, in the folder" status 0 "$NNGEN" model.lua -o ../x.c)
