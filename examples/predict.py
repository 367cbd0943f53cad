"""predict.py: a trained network in Python, without a framework.

  nngen run models/digits.lua -- --save digits.safetensors
  nngen models/digits.lua --emit predict -o digits.c
  cc -shared -fPIC digits.c $(nngen flags) -o libdigits.so
  python3 examples/predict.py ./libdigits.so digits.safetensors models/data/digits.csv

Prints for each row of the file its label, the guess and its logit."""
import csv
import ctypes
import sys

library, weights, table = sys.argv[1:]
digits = ctypes.CDLL(library)
digits.digits_load_error.restype = ctypes.c_char_p
if digits.digits_load(weights.encode()):
    sys.exit("predict.py: " + digits.digits_load_error().decode())

pixels, logits = (ctypes.c_float * 64)(), (ctypes.c_float * 10)()
with open(table) as rows:
    next(rows)                                          # the header
    for row in csv.reader(rows):
        pixels[:] = [float(x) for x in row[:64]]
        digits.digits_predict(pixels, logits)
        guess = max(range(10), key=lambda k: logits[k])
        print(row[64], guess, f"{logits[guess]:.9g}")
