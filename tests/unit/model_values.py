#!/usr/bin/env python3
"""What expressions of the model language are worth, by PyTorch: writes model_values.h, which model_values.c holds nngen against.

A row is an expression of nn and the same in PyTorch, over the tensors below, in float64. Recorded are its value and the gradient,
by a, of the sum of its squares (by p where a does not occur). Run it again only to add rows:  python3 model_values.py > model_values.h
"""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
# four rows; zeros, ones and threes stand on the kinks of relu, clamp, hardtanh, hardsigmoid
a = torch.tensor([[0.0, 1.0, -1.0], [3.0, -3.0, 0.5], [0.25, -2.25, 2.0], [-0.75, 1.5, 4.0]])
b = torch.tensor([[0.5, 1.0, -1.5], [2.0, -3.0, 0.25], [1.25, -2.0, 2.0], [-0.5, 1.0, -4.0]])
p = torch.tensor([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25], [0.9, 0.05, 0.05], [0.3, 0.4, 0.3]])
q = torch.tensor([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.25, 0.25, 0.5], [0.2, 0.3, 0.5]])
c = torch.tensor([0, 2, 1, 2])
s = torch.cat([a, b], 1).reshape(4, 2, 3)
d = torch.tensor([[0, 1], [2, 2], [1, 0], [2, 1]])
v = torch.tensor([0.5, -1.5, 2.5])
m = torch.tensor([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]])
w = torch.tensor([0.5, 2.0, 1.25])

onehot = lambda k, n=3: F.one_hot(k, n).double()
gather = lambda x: torch.gather(x, 1, torch.stack([c, c, d[:, 0]], 1))

ROWS = [
    # functions
    ("a:exp()", "a.exp()"), ("p:log()", "p.log()"), ("p:sqrt()", "p.sqrt()"), ("p:rsqrt()", "p.rsqrt()"), ("a:abs()", "a.abs()"),
    ("a:sign()", "a.sign()"), ("a:sin()", "a.sin()"), ("a:cos()", "a.cos()"), ("a:tan()", "a.tan()"), ("a:atan()", "a.atan()"),
    ("a:tanh()", "a.tanh()"), ("a:erf()", "a.erf()"), ("p ^ 1.5", "p ** 1.5"), ("p:pow(a)", "p ** a"), ("2 ^ a", "2 ** a"), ("a ^ 3", "a ** 3"),
    ("a:square()", "a ** 2"), ("p ^ -0.5", "p ** -0.5"), ("p:reciprocal()", "1 / p"), ("a:floor()", "a.floor()"),
    ("a:clamp(-1, 2)", "a.clamp(-1, 2)"), ("a:clamp(nil, 1)", "a.clamp(max=1)"), ("a:clamp(-3)", "a.clamp(min=-3)"), ("a:clamp(b - 1, v)", "torch.clamp(a, b - 1, v.expand(4, 3))"),
    ("nn.maximum(a, b)", "torch.maximum(a, b)"), ("nn.minimum(a, b)", "torch.minimum(a, b)"), ("a:relu()", "F.relu(a)"),
    ("a:leaky_relu()", "F.leaky_relu(a)"), ("a:leaky_relu(0.2)", "F.leaky_relu(a, 0.2)"), ("a:elu()", "F.elu(a)"), ("a:elu(0.5)", "F.elu(a, 0.5)"),
    ("a:selu()", "F.selu(a)"), ("a:gelu()", "F.gelu(a)"), ('a:gelu {approximate = "tanh"}', 'F.gelu(a, approximate="tanh")'),
    ("a:silu()", "F.silu(a)"), ("a:mish()", "F.mish(a)"), ("a:softplus()", "F.softplus(a)"), ("a:softsign()", "F.softsign(a)"),
    ("a:sigmoid()", "a.sigmoid()"), ("a:hardtanh()", "F.hardtanh(a)"), ("a:hardtanh(-2, 3)", "F.hardtanh(a, -2, 3)"),
    ("a:hardsigmoid()", "F.relu6(a + 3) / 6"), ("a:softmax()", "F.softmax(a, -1)"), ("a:log_softmax()", "F.log_softmax(a, -1)"),
    ("s:softmax(1)", "F.softmax(s, 1)"), ("s:log_softmax(-2)", "F.log_softmax(s, -2)"), ("(a * 1000):softmax()", "F.softmax(a * 1000, -1)"),
    ("(a * 1000):log_softmax()", "F.log_softmax(a * 1000, -1)"), ("(a * 300):sigmoid()", "(a * 300).sigmoid()"), ("(a * 300):softplus()", "F.softplus(a * 300)"),
    # arithmetic, comparisons
    ("a + b", "a + b"), ("1 - a", "1 - a"), ("a * v / 2", "a * v / 2"), ("-a", "-a"), ("3 / p", "3 / p"), ("a:gt(b)", "(a > b).double()"),
    ("a:ge(b)", "(a >= b).double()"), ("a:lt(0)", "(a < 0).double()"), ("a:le(b)", "(a <= b).double()"), ("a:eq(b)", "(a == b).double()"),
    ("a:ne(b)", "(a != b).double()"), ("nn.where(a:gt(0), a * b, p)", "torch.where(a > 0, a * b, p)"), ("c:eq(2)", "(c == 2).double()"),
    ("nn.float(c) * a:sum(1)", "c * a.sum(1)"), ("nn.detach(a) * a", "a.detach() * a"),
    # folds
    ("a:sum()", "a.sum()"), ("a:mean()", "a.mean()"), ("a:max()", "a.max()"), ("a:min()", "a.min()"), ("a:sum(1)", "a.sum(1)"),
    ('a:sum("batch")', "a.sum(0)"), ('a:mean({"batch", 1})', "a.mean((0, 1))"), ("s:sum({1, 2})", "s.sum((1, 2))"), ("s:mean(-1)", "s.mean(-1)"),
    ("s:max(2)", "s.max(2)[0]"), ("s:min(1, {keep = true})", "s.min(1, keepdim=True)[0]"), ("a:var(1)", "a.var(1)"), ("a:var()", "a.var()"),
    ('a:var("batch")', "a.var(0)"), ("a:var(1, {unbiased = false})", "a.var(1, unbiased=False)"), ("s:var {keep = true}", "s.var()"),
    ("a:logsumexp(1)", "a.logsumexp(1)"), ("(a * 1000):logsumexp(-1)", "(a * 1000).logsumexp(-1)"), ('a:logsumexp("batch")', "a.logsumexp(0)"),
    ("s:logsumexp({1, 2})", "s.logsumexp((1, 2))"), ("m:sum(1)", "m.sum(0)"), ("m:mean()", "m.mean()"), ("m:max(2)", "m.max(1)[0]"),
    ("nn.constant {-1/0, -1/0}:logsumexp()", "torch.tensor([-float('inf')] * 2).logsumexp(0)"),
    # shapes
    ("s:reshape {3, 2}", "s.reshape(4, 3, 2)"), ("s:reshape {-1}", "s.reshape(4, -1)"), ("s:flatten()", "s.flatten(1)"), ("s:transpose(1, 2)", "s.transpose(1, 2)"),
    ("s:permute {2, -2}", "s.permute(0, 2, 1)"), ("s:slice(2, 2, 3)", "s[:, :, 1:3]"), ("s:slice(-2, 1, 1)", "s[:, 0:1]"), ("nn.concat({a, b}, 1)", "torch.cat([a, b], 1)"),
    ("nn.concat({s, m, s}, 1)", "torch.cat([s, m.expand(4, 2, 3), s], 1)"), ("nn.stack({a, b}, 1)", "torch.stack([a, b], 1)"),
    ("nn.stack({a, b}, -1)", "torch.stack([a, b], -1)"), ("a:pad(1, 1, 2)", "F.pad(a, (1, 2))"), ("s:pad(1, 0, 1, -2)", "F.pad(s, (0, 0, 0, 1), value=-2)"),
    ("a:gather(1, c)", "a.gather(1, c[:, None])[:, 0]"), ("a:gather(1, nn.concat({c:reshape {1}, d}, 1))", "a.gather(1, torch.cat([c[:, None], d], 1))"),
    ("s:gather(2, d)", "s.gather(2, d[:, :, None])[:, :, 0]"), ("s:gather(2, d:reshape {2, 1})", "s.gather(2, d[:, :, None])"),
    ("v:gather(1, c)", "v[c]"), ("nn.one_hot(c)", "onehot(c)"), ("nn.one_hot(d, 4)", "onehot(d, 4)"),
    # products
    ("a:matmul(v)", "a @ v"), ("a:matmul(m:transpose(1, 2))", "a @ m.T"), ("s:matmul(v)", "s @ v"), ("m:matmul(a)", "a @ m.T"),
    ("s:matmul(s:transpose(1, 2))", "s @ s.transpose(1, 2)"), ("a:matmul(b)", "(a * b).sum(1)"), ("v:matmul(v)", "v @ v"), ("m:matmul(v)", "m @ v"),
    ("v:matmul(m:transpose(1, 2))", "v @ m.T"), ("a:matmul(s:transpose(1, 2))", "(a[:, None] @ s.transpose(1, 2))[:, 0]"),
    # losses
    ("nn.mse(a, b)", "F.mse_loss(a, b)"), ("nn.mse(a, b, {reduction = \"sum\"})", "F.mse_loss(a, b, reduction='sum')"), ("nn.mse(a, 1)", "F.mse_loss(a, torch.ones(4, 3))"),
    ("nn.l1(a, b)", "F.l1_loss(a, b)"), ("nn.huber(a, b)", "F.huber_loss(a, b)"), ("nn.huber(a, b, {delta = 0.25})", "F.huber_loss(a, b, delta=0.25)"),
    ("nn.smooth_l1(a, b)", "F.smooth_l1_loss(a, b)"), ("nn.smooth_l1(a, b, {beta = 0.25})", "F.smooth_l1_loss(a, b, beta=0.25)"),
    ("nn.smooth_l1(a, b, {beta = 0, reduction = \"sum\"})", "F.smooth_l1_loss(a, b, beta=0.0, reduction='sum')"),
    ("nn.cross_entropy(a, c)", "F.cross_entropy(a, c)"), ("nn.cross_entropy(a * 1000, c)", "F.cross_entropy(a * 1000, c)"),
    ("nn.cross_entropy(a, c, {reduction = \"sum\"})", "F.cross_entropy(a, c, reduction='sum')"),
    ("nn.cross_entropy(a, c, {label_smoothing = 0.1})", "F.cross_entropy(a, c, label_smoothing=0.1)"),
    ("nn.cross_entropy(a, c, {weight = {0.5, 2, 1.25}})", "F.cross_entropy(a, c, weight=w)"),
    ("nn.cross_entropy(a, c, {weight = {0.5, 2, 1.25}, reduction = \"sum\"})", "F.cross_entropy(a, c, weight=w, reduction='sum')"),
    ("nn.cross_entropy(a, c, {weight = {0.5, 2, 1.25}, label_smoothing = 0.2})", "F.cross_entropy(a, c, weight=w, label_smoothing=0.2)"),
    ("nn.cross_entropy(a, c, {weight = {0.5, 2, 1.25}, label_smoothing = 0.2, reduction = \"sum\"})", "F.cross_entropy(a, c, weight=w, label_smoothing=0.2, reduction='sum')"),
    ("nn.cross_entropy(a, c, {ignore_index = 2})", "F.cross_entropy(a, c, ignore_index=2)"),
    ("nn.cross_entropy(a, c, {ignore_index = 2, label_smoothing = 0.2})", "F.cross_entropy(a, c, ignore_index=2, label_smoothing=0.2)"),
    ("nn.cross_entropy(a, c, {ignore_index = 2, weight = {0.5, 2, 1.25}, label_smoothing = 0.2})", "F.cross_entropy(a, c, ignore_index=2, weight=w, label_smoothing=0.2)"),
    ("nn.cross_entropy(s, d)", "F.cross_entropy(s.transpose(1, 2), d)"),
    ("nn.cross_entropy(s, d, {weight = {0.5, 2, 1.25}, ignore_index = 0})", "F.cross_entropy(s.transpose(1, 2), d, weight=w, ignore_index=0)"),
    ("nn.cross_entropy(a, q)", "F.cross_entropy(a, q)"), ("nn.cross_entropy(a, q, {label_smoothing = 0.1})", "F.cross_entropy(a, q, label_smoothing=0.1)"),
    ("nn.cross_entropy(a, q, {weight = {0.5, 2, 1.25}, label_smoothing = 0.1})", "F.cross_entropy(a, q, weight=w, label_smoothing=0.1)"),
    ("nn.cross_entropy(s, nn.one_hot(d))", "F.cross_entropy(s.transpose(1, 2), onehot(d).transpose(1, 2))"),
    ("nn.nll(a:log_softmax(), c)", "F.nll_loss(F.log_softmax(a, 1), c)"), ("nn.nll(a, c, {weight = {0.5, 2, 1.25}})", "F.nll_loss(a, c, weight=w)"),
    ("nn.nll(a, c, {ignore_index = 0, reduction = \"sum\"})", "F.nll_loss(a, c, ignore_index=0, reduction='sum')"),
    ("nn.binary_cross_entropy(p, q)", "F.binary_cross_entropy(p, q)"), ("nn.binary_cross_entropy(nn.sigmoid(a), q)", "F.binary_cross_entropy(a.sigmoid(), q)"),
    ("nn.binary_cross_entropy(nn.constant {0, 1}, nn.constant {1, 0})", "F.binary_cross_entropy(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0]))"),
    ("nn.bce_with_logits(a, q)", "F.binary_cross_entropy_with_logits(a, q)"), ("nn.bce_with_logits(a * 300, q)", "F.binary_cross_entropy_with_logits(a * 300, q)"),
    ("nn.bce_with_logits(a, q, {pos_weight = {0.5, 2, 1.25}})", "F.binary_cross_entropy_with_logits(a, q, pos_weight=w)"),
    ("nn.kl_div(a:log_softmax(), q)", "F.kl_div(F.log_softmax(a, 1), q)"), ("nn.kl_div(a, q, {reduction = \"sum\"})", "F.kl_div(a, q, reduction='sum')"),
    ("nn.hinge(b, c)", "F.multi_margin_loss(b, c)"), ("nn.hinge(a * 0.9, c, {margin = 0.3})", "F.multi_margin_loss(a * 0.9, c, margin=0.3)"),
    ("nn.hinge(a * 0.9, c, {weight = {0.5, 2, 1.25}, reduction = \"sum\"})", "F.multi_margin_loss(a * 0.9, c, weight=w, reduction='sum')"),
    ("nn.l1(v) + nn.l2(v)", "v.abs().sum() + (v ** 2).sum()"),
    # metrics
    ("nn.accuracy(b, c)", "(b.argmax(1) == c).double().mean()"), ("nn.accuracy(s, d)", "(s.argmax(2) == d).double().mean()"),
    ("nn.top_k(a, c, 2)", "(a.topk(2, 1)[1] == c[:, None]).any(1).double().mean()"), ("nn.top_k(a, c, 3)", "torch.tensor(1.0)"),
    ("nn.mean_absolute_error(a, b)", "(a - b).abs().mean()"),
]


def numbers(x):
    return "{" + ", ".join("-INFINITY" if t == -float("inf") else repr(t) for t in x.reshape(-1).tolist()) + "}"


print("/* model_values.h: written by model_values.py, with PyTorch " + torch.__version__.split("+")[0] + ". */")
for nn, pytorch in ROWS:
    by = "p" if nn.startswith("p") or "(p," in nn or "/ p" in nn else "a"
    leaf = {"a": a, "p": p}[by].clone().requires_grad_()
    scope = dict(globals(), **{by: leaf})
    if by == "a":
        scope["s"] = torch.cat([leaf, b], 1).reshape(4, 2, 3)
    y = eval(pytorch, scope)
    gradient = torch.zeros(4, 3)
    if y.requires_grad:
        (y ** 2).sum().backward()
        gradient = leaf.grad
    quoted = nn.replace('"', '\\"')
    print(f'{{"{quoted}", "{by}", {y.numel()}, (double[]){numbers(y.detach())},\n    (double[]){numbers(gradient)}}},')
