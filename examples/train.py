"""train.py: training from Python, without a framework.

  nngen models/digits.lua --set batch=32 --emit library -o digits.c
  cc -shared -fPIC digits.c $(nngen flags) -o libdigits.so
  python3 examples/train.py ./libdigits.so models/data/digits.csv 100 digits.safetensors

Trains that many steps on the rows in their order, prints the loss of each, and keeps the weights as PyTorch would. digits.h has
the sizes: a state takes digits_STATE_BYTES, a batch digits_BATCH rows."""
import csv
import ctypes
import pathlib
import re
import sys

library, table, steps, output = sys.argv[1:]
digits = ctypes.CDLL(library)
digits.digits_train_step.restype = ctypes.c_float
digits.digits_save.restype = ctypes.c_size_t
digits.digits_init.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
digits.digits_save.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]

header = pathlib.Path(library).with_name("digits.h").read_text()
size = {name: int(value) for name, value in re.findall(r"digits_(\w+) = (\d+)", header)}
state = ctypes.create_string_buffer(size["STATE_BYTES"])
digits.digits_init(state, 1)

with open(table) as file:
    rows = list(csv.reader(file))[1:]                   # without the header
first = 0
for step in range(int(steps)):
    batch = rows[first:first + size["BATCH"]]
    first = first + len(batch) if first + len(batch) < len(rows) else 0
    pixels = (ctypes.c_float * (64 * len(batch)))(*[float(x) for row in batch for x in row[:64]])
    label = (ctypes.c_int * len(batch))(*[int(row[64]) for row in batch])
    print(f"{digits.digits_train_step(state, pixels, label, len(batch)):.9g}")

file = ctypes.create_string_buffer(digits.digits_save(state, None, 0))
digits.digits_save(state, file, len(file))
pathlib.Path(output).write_bytes(file.raw)
