"""Convolutions of many shapes, a training step of nngen's program beside PyTorch's: python3 tests/bench/convolutions.py NNGEN [CASE…]

    taskset -c 0 python3 tests/bench/convolutions.py build/release/nngen --rounds 3 plain16 bnpool

Two convolutions and a linear layer (convolutions.lua), forward, gradient and update with momentum, batches of one random set in
turn. PyTorch as it is written, channels last, and both compiled (not with --quick); its best is the rival. One thread; least of the
rounds' medians. Figures of one run are comparable, those of two are not."""
import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from program import our_program

BATCHES = 8
KEYS = ["kind", "inputs", "size", "channels", "kernel", "padding", "stride", "batch", "groups", "dilation"]       # the last two: 1 unless given
CASES = {
    "plain8": ("plain", 1, 28, 8, 3, 1, 1, 32), "plain16": ("plain", 3, 16, 16, 3, 1, 1, 16), "plain32": ("plain", 3, 16, 32, 3, 1, 1, 16),
    "plain64": ("plain", 3, 14, 64, 3, 1, 1, 8), "odd": ("plain", 3, 15, 13, 3, 1, 1, 7), "one_row": ("plain", 3, 32, 16, 3, 1, 1, 1),
    "bn16": ("bn", 3, 16, 16, 3, 1, 1, 16), "bn32": ("bn", 3, 16, 32, 3, 1, 1, 32), "pool16": ("pool", 3, 32, 16, 3, 1, 1, 16),
    "bnpool": ("bnpool", 3, 32, 16, 3, 1, 1, 16), "stride2": ("plain", 3, 32, 16, 3, 1, 2, 16), "kernel1": ("plain", 16, 16, 32, 1, 0, 1, 16),
    "kernel5": ("plain", 1, 28, 6, 5, 2, 1, 32), "kernel7": ("plain", 3, 32, 16, 7, 3, 2, 16), "grouped": ("plain", 3, 16, 32, 3, 1, 1, 16, 4),
    "grouped_stride2": ("plain", 3, 16, 32, 3, 1, 2, 16, 4), "depthwise": ("plain", 3, 16, 32, 3, 1, 1, 16, 32),
    "depthwise_stride2": ("plain", 3, 16, 32, 3, 1, 2, 16, 32), "dilated": ("plain", 3, 16, 16, 3, 2, 1, 16, 1, 2),
    "transposed": ("transposed", 3, 16, 16, 4, 1, 2, 16), "transposed3": ("transposed", 3, 14, 32, 3, 1, 2, 8), "stride2_odd": ("plain", 3, 15, 24, 3, 1, 2, 5),
    "stride3": ("plain", 3, 28, 16, 5, 2, 3, 16), "point_stride2": ("plain", 16, 28, 32, 1, 0, 2, 16), "stride2_wide": ("plain", 16, 14, 64, 3, 1, 2, 8),
    "line": ("line", 4, 256, 32, 5, 2, 1, 16), "line_stride2": ("line", 4, 256, 32, 7, 3, 2, 16), "overlap": ("overlap", 3, 32, 16, 3, 1, 1, 16),
    "narrow": ("plain", 1, 28, 2, 3, 1, 1, 64), "seven": ("plain", 64, 7, 64, 3, 1, 1, 8), "one_stride2": ("plain", 3, 32, 32, 3, 1, 2, 1),
    "many": ("plain", 1, 14, 8, 3, 1, 1, 256), "most": ("plain", 1, 7, 4, 3, 1, 1, 1024), "bn7": ("bn", 16, 7, 32, 3, 1, 1, 64), "bn28": ("bn", 1, 28, 8, 3, 1, 2, 16),
}


def network(case):
    layers, line = [], "line" in case["kind"]
    for inputs, stride, groups in ((case["inputs"], 1, 1), (case["channels"], case["stride"], case["groups"])):
        make = nn.ConvTranspose2d if layers and "transposed" in case["kind"] else nn.Conv1d if line else nn.Conv2d
        layers.append(make(inputs, case["channels"], case["kernel"], padding=case["padding"], stride=stride, groups=groups, dilation=case["dilation"]))
        layers += [nn.BatchNorm2d(case["channels"])] if "bn" in case["kind"] else []
        layers.append(nn.ReLU())
        layers += [nn.MaxPool2d(2)] if "pool" in case["kind"] else []
        layers += [nn.MaxPool2d(3, 2, 1)] if "overlap" in case["kind"] else []
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1) if line else nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(case["channels"], 10)).train()


def torch_steps(case, x, y, last, compiled):
    net = network(case)
    order = torch.channels_last if last else torch.contiguous_format
    net, batches = net.to(memory_format=order), [b.to(memory_format=order) for b in torch.tensor(x).split(case["batch"])]
    labels, loss = torch.tensor(y).split(case["batch"]), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, fused=True)
    forward = torch.compile(net) if compiled else net

    def run(steps):
        times = []
        for i in range(steps):
            start = time.perf_counter()
            optimizer.zero_grad()
            loss(forward(batches[i % BATCHES]), labels[i % BATCHES]).backward()
            optimizer.step()
            times.append(time.perf_counter() - start)
        return statistics.median(times) * 1e6
    run(5)
    return run


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("nngen", type=lambda path: Path(path).resolve())
    parser.add_argument("cases", nargs="*", metavar="CASE", help=" ".join(CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="without torch.compile")
    chosen = parser.parse_intermixed_args()
    if not set(chosen.cases) <= set(CASES):
        parser.error("cases are " + " ".join(CASES))
    torch.set_num_threads(1)
    print("| case | nngen µs | PyTorch's best µs | which | ratio |\n| --- | --: | --: | --- | --: |")
    for name in chosen.cases or CASES:
        case = {"groups": 1, "dilation": 1} | dict(zip(KEYS, CASES[name]))
        rng = np.random.default_rng(0)
        x = rng.standard_normal((BATCHES * case["batch"], case["inputs"], *[case["size"]] * (1 if "line" in case["kind"] else 2))).astype(np.float32)
        y = rng.integers(0, 10, BATCHES * case["batch"])
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder) / "x.npy", x)
            np.save(Path(folder) / "y.npy", y)
            ours = our_program(chosen.nngen, "convolutions.lua", case, Path(folder))
            runs = {"nngen": lambda steps: ours(2 * steps)}
            for compiled in (False,) if chosen.quick else (False, True):
                for last in (False, True) if "line" not in case["kind"] else (False,):
                    runs[("compiled" if compiled else "eager") + (", channels last" if last else "")] = torch_steps(case, x, y, last, compiled)
            times = {who: min(times) for who, times in zip(runs, zip(*[[run(30) for run in runs.values()] for _ in range(chosen.rounds)]))}
        mine = times.pop("nngen")
        best = min(times, key=times.get)
        print(f"| {name} | {mine:.0f} | {times[best]:.0f} | {best} | {times[best] / mine:.2f} |", flush=True)


if __name__ == "__main__":
    main()
