"""What the benches of this folder share: nngen's program of a model, compiled as `nngen flags` says, timed by its own --benchmark."""
import re
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def our_program(nngen, model, options, folder):
    """A function of steps that gives the median microseconds of one; data lie in the folder, one thread."""
    words = [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    subprocess.run([nngen, HERE / model, *words, "-o", folder / "p.c"], check=True)
    flags = subprocess.run([nngen, "flags"], check=True, capture_output=True, text=True).stdout.split()
    subprocess.run(["cc", folder / "p.c", *flags, "-o", folder / "p"], check=True)

    def run(steps):
        said = subprocess.run([folder / "p", "--data", folder, "--benchmark", str(steps), "--threads", "1"], capture_output=True, text=True, check=True)
        return float(re.search(r"median_us_per_step ([0-9.]+)", said.stdout).group(1))
    return run
