# nngen language: the reference is docs/language.md, and holds every name that DESIGN promises of what is in.
. "$(dirname "$0")/tools/case.bash"
check "nngen language" eval 'status 0 "$NNGEN" language && mv said reference.md'
check "docs/language.md is what it prints (nngen language > docs/language.md)" diff "$ROOT/docs/language.md" reference.md
# Formulas and gradients come from graphs, options from what the functions accept.
holds() { grep -qF -- "$2" <(sed -n "/^### .$1/,/^#/{/^### .$1/p;/^#/!p}" reference.md) || { echo "$1 does not say '$2'"; return 1; }; }
check "a function: its derivative" holds 'nn.tanh(x)' '∂x = ∂y (1 - y^2)'
check "a layer: its gradients" holds 'nn.linear(in, out)' '∂x = fc.weightᵀ · ∂y'
check "an optimizer: its options and defaults" holds 'nn.adam ' 'betas = {0.9, 0.999}, eps = 1e-08, lr = 0.001, maximize = false'
check "a loss: PyTorch's name" holds 'nn.huber(x, target)' 'F.huber_loss'
