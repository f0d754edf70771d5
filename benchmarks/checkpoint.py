"""Are runs that are killed resumed to the same draws? Fits of four samplers, SIGKILLed at random moments.

Each is killed before it is done, called again, and compared number by number with a run that was never
stopped. Exits with 1 if one differs::

    python benchmarks/checkpoint.py [--kills 50] [--seed 0]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent / "tests" / "fit" / "killing.py"
SAMPLERS = ("independence", "alternating", "hmc", "nuts")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="Of all samplers together.")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    failed = 0
    for number, sampler in enumerate(SAMPLERS):
        kills = asked.kills // len(SAMPLERS) + (number < asked.kills % len(SAMPLERS))
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, PROGRAM, sampler, str(kills), str(asked.seed + number), folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = done.stdout.strip() or done.stderr.strip().splitlines()[-1]
        print(f"{sampler}: {said} ({time.perf_counter() - began:.0f} s)", flush=True)
        failed += done.returncode != 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
