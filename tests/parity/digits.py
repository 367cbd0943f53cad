"""Records what PyTorch makes of digits.lua: python3 tests/parity/digits.py [digits.csv]

Takes the first rows of models/data/digits.csv, in file order. Writes recorded/digits.safetensors, the initial weights
(f32; the f64 runs start from the same numbers), and recorded/digits.jsonl, a line a case with the losses of 50 steps.
Each case goes through the rows epoch after epoch; the last batch of an epoch is partial and its mean divides by its own
rows, as everywhere in PyTorch. Needs torch, numpy and safetensors; run again only when a case is added."""
import json
import pathlib
import sys

import numpy
import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).resolve().parent
source = sys.argv[1] if len(sys.argv) > 1 else here.parent.parent / "models" / "data" / "digits.csv"
table = numpy.loadtxt(source, delimiter=",", skiprows=1)
STEPS = 50
SIZES = {                                   # rows, batch
    "full": (1347, 1347),
    "mini": (1347, 100),                    # 13 whole batches and one of 47 rows
    "small": (23, 10),                      # the last batch has 3 rows
}
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=1e-3),
    "momentum": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-3),
}


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(64, 80)
        self.fc2 = torch.nn.Linear(80, 10)

    def forward(self, pixels):
        return self.fc2(torch.relu(self.fc1(pixels)))


def losses(initial, dtype, rows, batch, optimizer):
    net = Net().to(dtype)
    net.load_state_dict({name: value.to(dtype) for name, value in initial.items()})
    pixels = torch.tensor(table[:rows, :64], dtype=dtype)
    label = torch.tensor(table[:rows, 64], dtype=torch.int64)
    step = OPTIMIZERS[optimizer](net.parameters())
    first, found = 0, []
    while len(found) < STEPS:
        x, y = pixels[first:first + batch], label[first:first + batch]
        first = first + batch if first + batch < rows else 0
        loss = torch.nn.functional.cross_entropy(net(x), y)
        step.zero_grad()
        loss.backward()
        step.step()
        found.append(loss.item())
    return found


torch.set_num_threads(1)
torch.manual_seed(1)
initial = {name: value.detach().clone() for name, value in Net().state_dict().items()}
(here / "recorded").mkdir(exist_ok=True)
save_file(initial, here / "recorded" / "digits.safetensors")
with open(here / "recorded" / "digits.jsonl", "w") as out:
    for size, (rows, batch) in SIZES.items():
        for optimizer in OPTIMIZERS:
            for precision, dtype in {"f32": torch.float32, "f64": torch.float64}.items():
                found = losses(initial, dtype, rows, batch, optimizer)
                out.write(json.dumps({"case": f"{size}-{optimizer}-{precision}", "torch": torch.__version__,
                                      "rows": rows, "batch": batch, "losses": found}) + "\n")
