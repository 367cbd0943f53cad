"""Records what PyTorch makes of tests/models/*.lua: python3 tests/parity/models.py

Writes recorded/models.jsonl, a line a model with the losses of its steps in f64, in file order: tests/run/user_models.sh
expects them. Each function below says again, in PyTorch, what the model of its name says in Lua, and is its specification
where the two could be read differently. Needs torch; run again only when a model is added or changed."""
import json
import pathlib

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
MODELS = []


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def table(rows, columns, a, b, scale=1):
    return [[((i * i * a + j * b + i * j * 5) % 61 / 30 - 1) * scale for j in range(1, columns + 1)]
            for i in range(1, rows + 1)]


def grid(*arguments):
    return tensor(table(*arguments))


def model(steps, batch, optimizer):
    """Registers a function that returns (parameters, data, loss(parameters, batch))."""
    def register(function):
        MODELS.append((function.__name__, steps, batch, optimizer, function))
        return function
    return register


def sgd(**options):
    return lambda p: torch.optim.SGD(p, **options)


def adam(**options):
    return lambda p: torch.optim.Adam(p, **options)


@model(30, 4, sgd(lr=0.05))
def gradient_penalty():
    def loss(p, d):
        x = d["x"].clone().requires_grad_()
        score = torch.tanh(x @ p["w1"] + p["b1"]) @ p["w2"]
        slope, = torch.autograd.grad(score.sum(), x, create_graph=True)
        slope = slope.square().sum(-1).sqrt()
        return (score * d["side"]).mean() + 2 * (slope - 1).square().mean()
    return ({"w1": grid(2, 5, 7, 13), "b1": grid(1, 5, 3, 11)[0], "w2": grid(1, 5, 19, 23)[0]},
            {"x": grid(11, 2, 17, 29), "side": tensor([1. if i % 3 == 0 else -1. for i in range(1, 12)])}, loss)


@model(30, 4, sgd(lr=0.05, momentum=0.9))
def shared_weight():
    def loss(p, d):
        return F.mse_loss(torch.tanh(d["x"] @ p["w"]) @ p["w"].T + p["bias"], d["x"])
    return {"w": grid(6, 3, 7, 13), "bias": torch.zeros(6)}, {"x": grid(11, 6, 17, 29)}, loss


@model(30, 4, adam(lr=0.02))
def two_losses():
    def loss(p, d):
        trunk = F.relu(d["x"] @ p["trunk"])
        return F.cross_entropy(trunk @ p["class"], d["class"]) + 0.5 * F.mse_loss(trunk @ p["value"], d["value"])
    label = torch.tensor([(i * i * 7 + i * 3) % 5 % 3 for i in range(1, 12)])
    return ({"trunk": grid(4, 6, 7, 13), "class": grid(6, 3, 3, 11), "value": grid(6, 2, 19, 23)},
            {"x": grid(11, 4, 17, 29), "value": grid(11, 2, 5, 31), "class": label}, loss)


@model(30, 4, sgd(lr=0.1, momentum=0.5))
def broadcasting():
    def loss(p, d):
        y = (d["x"] * p["column"] + p["row"] - 0.5) * p["gain"] + p["column"] * p["line"]
        return F.mse_loss(y - tensor([[0.25, 0, -0.25, 0.5]]) / 2, d["target"])
    return ({"column": grid(3, 1, 7, 13), "row": grid(1, 4, 3, 11)[0], "line": grid(1, 4, 19, 23), "gain": tensor(0.75)},
            {"x": grid(11, 12, 17, 29).view(11, 3, 4), "target": grid(11, 12, 5, 31).view(11, 3, 4)}, loss)


class Bounded(torch.optim.Optimizer):
    def __init__(self, parameters):
        super().__init__(parameters, {})

    @torch.no_grad()
    def step(self):
        for p in self.param_groups[0]["params"]:
            s, g = self.state[p], p.grad
            mean = 0.9 * s.get("mean", torch.zeros_like(p)) + 0.1 * g
            size = torch.maximum(s.get("size", torch.ones_like(p)) * 0.95, g.abs())
            t = s.get("t", 0) + 1
            s["mean"], s["size"], s["t"] = mean, size, t
            p -= 0.05 * torch.tanh(mean / (1 - 0.9 ** t) / size)


@model(30, 4, Bounded)
def own_optimizer():
    def loss(p, d):
        return F.mse_loss(d["x"] @ p["w"] + p["b"], d["target"])
    return ({"w": grid(3, 2, 7, 13), "b": torch.zeros(2)},
            {"x": grid(11, 3, 17, 29), "target": grid(11, 2, 5, 31)}, loss)


@model(30, 4, sgd(lr=0.02, momentum=0.9, nesterov=True))
def branches():
    def loss(p, d):
        h = F.relu(d["x"] @ p["w"] + p["b"])
        first, second, third = torch.tanh(h), torch.sigmoid(h) * h, h.square() - 1
        y = torch.cat([first, second, third], 1) @ p["join"] + (first * second * third) @ p["product"]
        return F.huber_loss(y, d["target"])
    return ({"w": grid(5, 4, 7, 13), "b": torch.full((4,), 0.1), "join": grid(12, 2, 3, 11), "product": grid(4, 2, 19, 23)},
            {"x": grid(11, 5, 17, 29), "target": grid(11, 2, 5, 31)}, loss)


@model(30, 4, sgd(lr=0.1))
def shape_one():
    def loss(p, d):
        return F.mse_loss(p["w"] * d["x"] + p["b"], d["y"])
    x = tensor([[i / 4 - 1.5] for i in range(1, 12)])
    return ({"w": tensor([0.5]), "b": tensor([-0.25])},
            {"x": x, "y": 3 * x + tensor([[i % 3 / 2] for i in range(1, 12)])}, loss)


@model(35, 1, adam(lr=0.05))
def batch_one():
    def loss(p, d):
        return F.cross_entropy(torch.sigmoid(d["x"] @ p["w1"] + p["b1"]) @ p["w2"], d["class"])
    return ({"w1": grid(3, 4, 7, 13), "b1": torch.zeros(4), "w2": grid(4, 2, 3, 11)},
            {"x": grid(7, 3, 17, 29), "class": torch.tensor([0, 1, 1, 0, 1, 0, 0])}, loss)


@model(30, 11, sgd(lr=0.05, momentum=0.9))
def prime_width():
    def loss(p, d):
        h = F.relu(torch.tanh(d["x"] @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"])
        return F.cross_entropy(h @ p["w3"] + p["b3"], d["class"])
    return ({"w1": grid(13, 17, 7, 13, 0.25), "b1": torch.zeros(17), "w2": grid(17, 127, 3, 11, 0.25),
             "b2": torch.full((127,), 0.05), "w3": grid(127, 7, 19, 23, 0.125), "b3": torch.zeros(7)},
            {"x": grid(23, 13, 17, 29), "class": torch.tensor([i ** 3 % 7 for i in range(1, 24)])}, loss)


@model(30, 31, sgd(lr=0.05, momentum=0.9))
def linear_chain():
    def loss(p, d):
        h1 = d["x"] @ p["w1"] + p["b1"]
        return F.cross_entropy((h1 @ p["w2"] + p["b2"]) @ p["w3"], d["class"])
    return ({"w1": grid(37, 23, 7, 13, 0.125), "b1": torch.full((23,), 0.5), "w2": grid(23, 11, 3, 11, 0.25), "b2": torch.full((11,), -0.25),
             "w3": grid(11, 5, 19, 23, 0.125)},
            {"x": grid(70, 37, 17, 29), "class": torch.tensor([i ** 3 % 5 for i in range(1, 71)])}, loss)


@model(50, 1, sgd(lr=1e-3))
def no_data():
    def loss(p, d):
        return (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2
    return {"x": tensor(-1.2), "y": tensor(1.)}, {"none": torch.zeros(1)}, loss


@model(30, 4, adam(lr=0.02))
def higher_rank():
    def loss(p, d):
        x = d["x"]
        rows = len(x)
        a = x @ p["w"]
        b = a.permute(0, 3, 1, 2).reshape(rows, 5, 6)
        c = F.pad(b[:, 1:4], (1, 2), value=0.5)
        e = torch.cat([c, x.reshape(rows, 3, 8)[:, :, 2:8]], 2)
        e = torch.stack([e @ p["v"], torch.tanh(e[:, :, 0:4])], 1)
        y = (p["u"] @ e.transpose(1, 2)).sum(2)
        return F.mse_loss(y, d["target"])
    return ({"w": grid(4, 5, 7, 13), "v": grid(15, 4, 3, 11), "u": grid(2, 2, 19, 23)},
            {"x": grid(11, 24, 17, 29).view(11, 2, 3, 4), "target": grid(11, 12, 5, 31).view(11, 3, 4)}, loss)


@model(30, 4, sgd(lr=0.003))
def reductions():
    def loss(p, d):
        h = d["x"] @ p["w"]
        norm = (h - h.mean(-1, keepdim=True)) / (h.var(-1, keepdim=True) + 0.1).sqrt()
        y = norm.max(2).values + h.min(-1).values * h.var(2, unbiased=False) + h.logsumexp(2)
        both = -h.sum((1, 2)) / 10 + h.logsumexp((1, 2)) * h.reshape(len(h), -1).max(1).values
        both = both + h.max(1).values.sum(1) * 0.1 + h.var((1, 2))
        return F.mse_loss(y + both[:, None], d["target"])
    return ({"w": grid(4, 5, 7, 13)},
            {"x": grid(11, 12, 17, 29).view(11, 3, 4), "target": grid(11, 3, 5, 31)}, loss)


@model(30, 4, sgd(lr=0.02))
def where_nan():
    def safe(condition, z, function):                   # PyTorch's own where lets the NaN of the other branch into the gradient
        return torch.where(condition, function(torch.where(condition, z, torch.ones_like(z))), 0)

    def loss(p, d):
        z = d["x"] * p["w"] + 0.3
        y = torch.where(z > 0, safe(z > 0, z, torch.log), z)
        root = torch.where(z < 0, z.abs(), safe(z >= 0, z, torch.sqrt))
        return F.smooth_l1_loss(y + root * safe(z > 0.1, z, torch.reciprocal), d["target"])
    return ({"w": grid(1, 6, 7, 13)[0]}, {"x": grid(11, 6, 17, 29), "target": grid(11, 6, 5, 31)}, loss)


@model(30, 4, sgd(lr=0.05))
def batch_statistics():
    def loss(p, d):
        h = d["x"] @ p["w"]
        centred = h - h.mean(0)
        normal = centred / (centred.square().mean(0) + 1e-5).sqrt()
        y = normal * p["gain"] + p["shift"] + 0.1 * h.max(0).values - 0.1 * h.min(0).values + 0.05 * h.var(0)
        return F.mse_loss(y + 0.02 * h.logsumexp(0) - 0.01 * h.sum((0, 1)), d["target"])
    return ({"w": grid(3, 4, 7, 13), "gain": torch.ones(4), "shift": torch.zeros(4)},
            {"x": grid(11, 3, 17, 29), "target": grid(11, 4, 5, 31)}, loss)


@model(30, 13, adam(lr=0.02))
def batch_all():
    def loss(p, d):
        y = torch.tanh(d["x"] @ p["w"])
        return F.l1_loss(y, d["target"]) + 0.5 * (y.mean(0) - d["target"].mean(0)).square().sum()
    return {"w": grid(3, 2, 7, 13)}, {"x": grid(13, 3, 17, 29), "target": grid(13, 2, 5, 31)}, loss


@model(30, 4, adam(lr=0.05))
def scalars():
    def loss(p, d):
        y = p["a"] * torch.sin(p["b"] * d["x"]) + p["c"] * d["x"]
        return (y - d["y"]).square().mean() + 0.01 * p["a"] * p["a"]
    x = tensor([i / 4 - 1.5 for i in range(1, 12)])
    return ({"a": tensor(0.5), "b": tensor(-0.5), "c": tensor(0.25)},
            {"x": x, "y": 2 * x + tensor([i % 4 / 2 for i in range(1, 12)])}, loss)


@model(30, 4, sgd(lr=0.02, momentum=0.5))
def two_paths():
    def loss(p, d):
        w = p["w"]
        y = d["x"] @ (w @ w) + torch.tanh(d["x"] @ w.T) + w[1] + w.detach().sum(0) * w.sum(1)
        return F.mse_loss(y, d["target"]) + 0.01 * w.square().sum()
    return {"w": grid(3, 3, 7, 13)}, {"x": grid(11, 3, 17, 29), "target": grid(11, 3, 5, 31)}, loss


@model(30, 4, sgd(lr=0.001, momentum=0.9))
def odd_names():
    def numbers(a):
        return tensor([(j * j * a + j * 5) % 61 / 30 - 1 for j in range(1, 5)])

    def loss(p, d):
        y = d["x"]
        for k in range(1, 41):
            y = y + p[k] if k % 2 == 0 else y * (p[k] * 0.1 + 1)
        return F.mse_loss(y, d["target"])
    return ({k: numbers(k) for k in range(1, 41)},
            {"x": torch.stack([numbers(i + 3) for i in range(1, 12)]),
             "target": torch.stack([numbers(2 * i) for i in range(1, 12)])}, loss)


@model(30, 2, sgd(lr=0.1, momentum=0.9))
def width_one():
    def loss(p, d):
        o = torch.tanh(d["x"] @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]
        return F.mse_loss(o * torch.softmax(o, -1), d["y"])
    return ({"w1": tensor([[0.7]]), "b1": tensor([0.1]), "w2": tensor([[-0.4]]), "b2": tensor([0.2])},
            {"x": tensor([[-1.], [-0.5], [0], [0.5], [1]]), "y": tensor([[-0.8], [-0.3], [0.1], [0.6], [0.9]])}, loss)


@model(30, 4, adam(lr=0.05))
def one_hot():
    def loss(p, d):
        word = d["word"]
        early = (word < 2).double()
        h = torch.tanh(p["table"][word] + early[:, :, None] * p["early"]) * (1 + 0.1 * word.double().mean(1))[:, None, None]
        return F.cross_entropy((h @ p["out"]).reshape(-1, 5), d["next"].reshape(-1))
    word = torch.tensor([[(i * 3 + j * 2) % 5 for j in range(1, 5)] for i in range(1, 12)])
    return ({"table": grid(5, 3, 7, 13), "early": torch.full((3,), 0.5), "out": grid(3, 5, 3, 11)},
            {"word": word, "next": (word + 2) % 5}, loss)


@model(30, 4, sgd(lr=0.05))
def functions():
    def loss(p, d):
        x = d["x"]
        z = x * p["w"] + p["b"]
        q = z.square() + 0.5
        total = (torch.exp(z) + torch.log(q) + torch.sqrt(q) + torch.rsqrt(q) + torch.abs(z) + torch.sign(z) + torch.sin(z)
                 + torch.cos(z) + torch.tan(z * 0.5) + torch.atan(z) + torch.tanh(z) + torch.erf(z) + q.pow(1.5) + q ** z
                 + 2 ** z + 1 / q + torch.floor(z * 3) + z.clamp(-0.5, 0.7) + torch.maximum(z, x)
                 + torch.minimum(z, tensor(0.25)) + F.relu(z) + F.leaky_relu(z) + F.elu(z) + F.selu(z) + F.gelu(z)
                 + F.silu(z) + F.mish(z) + F.softplus(z) + F.softsign(z) + torch.sigmoid(z) + F.hardtanh(2 * z)
                 + F.hardsigmoid(z) + torch.softmax(z, -1) + torch.log_softmax(z, -1) - (-z) / q
                 + (z > 0) + (z >= 0) * x + (z < p["b"]) + (z <= 0.5) + (z == z) + (z != x))
        return F.mse_loss(total * 0.05, d["target"])
    return ({"w": grid(1, 4, 7, 13)[0], "b": grid(1, 4, 3, 11)[0]},
            {"x": grid(11, 4, 17, 29), "target": grid(11, 4, 5, 31)}, loss)


@model(40, 4, adam(lr=0.01))
def equation():
    def u(p, at):
        return torch.tanh(at * p["w1"] + p["b1"]) @ p["w2"]

    def loss(p, d):
        x = d["x"].clone().requires_grad_()
        y = u(p, x)
        slope, = torch.autograd.grad(y.sum(), x, create_graph=True)
        curve, = torch.autograd.grad(slope.sum(), x, create_graph=True)
        zero = torch.zeros(1, requires_grad=True)
        start = u(p, zero)
        rise, = torch.autograd.grad(start, zero, create_graph=True)
        return (curve.sum(1) + y).square().mean() + start.square() + (rise.sum() - 1).square()

    def row(a):
        return tensor([(j * j * a + j * 5) % 61 / 30 - 1 for j in range(1, 9)])
    return {"w1": row(7), "b1": row(3), "w2": row(19)}, {"x": tensor([[(i - 1) * 0.15] for i in range(1, 12)])}, loss


@model(30, 4, lambda p: torch.optim.SGD([{"params": [p[0]], "lr": 0.05}, {"params": [p[1]], "lr": 0.1, "weight_decay": 0.2}],
                                        momentum=0.5, weight_decay=0.01))
def parameter_options():
    frozen = grid(4, 4, 3, 11)

    def loss(p, d):
        return F.mse_loss(torch.tanh(torch.tanh(d["x"] @ p["w1"]) @ frozen) @ p["w3"], d["target"])
    return ({"w1": grid(3, 4, 7, 13), "w3": grid(4, 2, 19, 23)},
            {"x": grid(11, 3, 17, 29), "target": grid(11, 2, 5, 31)}, loss)


@model(30, 4, sgd(lr=0.1, momentum=0.5))
def attention_by_hand():
    def loss(p, d):
        x = d["x"]
        q, k, v = x @ p["q"], x @ p["k"], x @ p["v"]
        weight = torch.softmax(q @ k.transpose(1, 2) / 5 ** 0.5, -1)
        y = weight @ v @ p["direction"] + p["left"] @ weight + (p["direction"] @ p["direction"]) * x[:, :, 0]
        return F.mse_loss(y, d["target"])
    return ({"q": grid(4, 5, 7, 13), "k": grid(4, 5, 3, 11), "v": grid(4, 2, 19, 23), "direction": tensor([0.5, -0.75]),
             "left": tensor([0.25, -0.5, 1])},
            {"x": grid(11, 12, 17, 29).view(11, 3, 4), "target": grid(11, 3, 5, 31)}, loss)


@model(30, 4, sgd(lr=0.2, momentum=0.5))
def lookup():
    def loss(p, d):
        words = p["words"].expand(len(d["at"]), 4, 2).gather(1, d["at"])
        seen = torch.tanh(d["x"] * p["gain"])
        y = torch.tanh(words) + seen.gather(1, d["at"]) * words + seen.gather(1, d["one"][:, None])
        return F.mse_loss(y, d["target"])
    at = torch.tensor([[[i % 4, (i * 3 + 1) % 4], [i % 4, i % 3], [(i * 2 + 1) % 4, i % 3]] for i in range(1, 12)])
    one = torch.tensor([[i * i % 4, (i + 2) % 4] for i in range(1, 12)])
    return ({"words": grid(4, 2, 7, 13), "gain": tensor([0.5, 1.5])},
            {"x": grid(11, 8, 17, 29).view(11, 4, 2), "target": grid(11, 6, 5, 31).view(11, 3, 2), "at": at, "one": one}, loss)


@model(30, 4, sgd(lr=0.5, momentum=0.5))
def masked_softmax():
    def loss(p, d):
        x = d["x"]
        score = (x @ p["w"] @ x.transpose(1, 2)).masked_fill(torch.ones(4, 4).triu(1) > 0, -torch.inf)
        y = torch.softmax(score, -1) @ x + score.logsumexp(-1, keepdim=True) * 0.1
        return F.mse_loss(y, d["target"])
    return ({"w": grid(3, 3, 7, 13)},
            {"x": grid(11, 12, 17, 29).view(11, 4, 3), "target": grid(11, 12, 5, 31).view(11, 4, 3)}, loss)


@model(30, 4, sgd(lr=0.1))
def inner_step():
    def loss(p, d):
        def predict(w, b):
            return torch.tanh(d["x"] @ w + b)
        inner = F.mse_loss(predict(p["w"], p["b"]), d["first"])
        dw, db = torch.autograd.grad(inner, (p["w"], p["b"]), create_graph=True)
        return F.mse_loss(predict(p["w"] - p["rate"] * dw, p["b"] - p["rate"] * db), d["second"])
    return ({"w": grid(3, 2, 7, 13), "b": torch.zeros(2), "rate": tensor(0.3)},
            {"x": grid(11, 3, 17, 29), "first": grid(11, 2, 5, 31), "second": grid(11, 2, 3, 37)}, loss)
def nested(shape, a, b):
    count = 1
    for size in shape:
        count *= size
    return tensor([(i * i * a + i * b) % 61 / 30 - 1 for i in range(1, count + 1)]).view(shape)


@model(30, 4, sgd(lr=0.05, momentum=0.9))
def convolutions():
    def loss(p, d):
        a = torch.tanh(F.conv2d(d["image"], p["a.weight"], p["a.bias"], stride=(2, 1), padding=(1, 2), groups=2))
        b = F.conv2d(a, p["b.weight"], dilation=(1, 2))
        c = F.conv_transpose2d(a, p["c.weight"], p["c.bias"], stride=(2, 1), padding=1, output_padding=(1, 0))
        e = F.conv1d(d["sound"], p["e.weight"], p["e.bias"], stride=2, padding=1)
        near = lambda x, goal: (torch.tanh(x) - goal).square().mean()
        return near(b, 0.3) + near(c, -0.2) + near(F.conv_transpose2d(a, p["d.weight"], stride=3, groups=2), 0.1) + near(e, 0.5)
    return ({"a.weight": nested((4, 1, 3, 3), 7, 13), "a.bias": nested((4,), 3, 5), "b.weight": nested((3, 4, 2, 3), 11, 2),
             "c.weight": nested((4, 2, 3, 3), 5, 17), "c.bias": nested((2,), 3, 1), "d.weight": nested((4, 1, 2, 2), 7, 3),
             "e.weight": nested((2, 3, 4), 13, 7), "e.bias": nested((2,), 1, 9)},
            {"image": nested((11, 2, 7, 6), 17, 29), "sound": nested((11, 3, 9), 5, 31)}, loss)


@model(30, 4, sgd(lr=0.2, momentum=0.9))
def pooling():
    def loss(p, d):
        h = F.conv2d(d["image"], p["a.weight"], p["a.bias"])
        near = lambda x, goal: (torch.sigmoid(x) - goal).square().mean()
        return (near(F.max_pool2d(h, 3, stride=2, padding=1), 0.3) + near(F.max_pool2d(h, 2), 0.9)
                + near(F.avg_pool2d(h, (2, 3), stride=(1, 2), padding=1), 0.2) + near(h.mean((2, 3)), 0.7))
    return ({"a.weight": nested((3, 2, 2, 2), 7, 13), "a.bias": nested((3,), 3, 5)}, {"image": nested((11, 2, 7, 6), 17, 29)}, loss)


@model(30, 4, sgd(lr=0.1, momentum=0.9))
def norms():
    def loss(p, d):
        h = F.embedding(d["words"], p["words.weight"])
        near = lambda x, goal: (torch.tanh(x) - goal).square().mean()
        return (near(F.layer_norm(h, (4,), p["a.weight"], p["a.bias"]), 0.3) + near(F.layer_norm(h, (5, 4), p["b.weight"], eps=1e-3), -0.2)
                + near(F.rms_norm(h, (4,), p["c.weight"], eps=1e-5), 0.4) + near(F.group_norm(d["image"], 2, p["d.weight"], p["d.bias"]), 0.1))
    words = torch.tensor([[(row * i + row + i * i) % 7 for i in range(1, 6)] for row in range(1, 12)])
    return ({"words.weight": nested((7, 4), 7, 13), "a.weight": nested((4,), 3, 5), "a.bias": nested((4,), 2, 7), "b.weight": torch.ones(5, 4),
             "c.weight": nested((4,), 5, 11), "d.weight": nested((4,), 3, 17), "d.bias": nested((4,), 2, 19)},
            {"words": words, "image": nested((11, 4, 3, 2), 17, 29)}, loss)


@model(10, 1, sgd(lr=0.125))
def ties():
    def loss(p, d):
        w, v = p["w"], p["v"]
        first = w[w.argmax()]                           # torch.max(w, 0) sends its gradient to one element, as this does
        least = w[w.argmin()]
        each = (first * 3 + F.relu(w) * 0.5 + w.abs() * 0.25 + torch.maximum(w, v) + torch.minimum(w, v) * 0.125 + least * 2 + (F.hardtanh(w) + F.leaky_relu(w)) * 0.0625)
        return each.sum() + (w * w).sum()
    return {"w": tensor([1., 1, 0, -1]), "v": tensor([1., 0.5, 0, -1])}, {"none": torch.zeros(1)}, loss


def losses(steps, batch, optimizer, function):
    start, data, loss_of = function()
    parameters = {name: value.clone().requires_grad_() for name, value in start.items()}
    step, at, found = optimizer(list(parameters.values())), 0, []
    rows = len(next(iter(data.values())))
    while len(found) < steps:
        loss = loss_of(parameters, {name: value[at:at + batch] for name, value in data.items()})
        at = at + batch if at + batch < rows else 0
        step.zero_grad()
        loss.backward()
        step.step()
        found.append(loss.item())
    return found


with open(pathlib.Path(__file__).resolve().parent / "recorded" / "models.jsonl", "w") as out:
    for name, *how in MODELS:
        out.write(json.dumps({"case": name, "torch": torch.__version__, "losses": losses(*how)}) + "\n")
