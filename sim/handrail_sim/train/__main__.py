"""``python -m handrail_sim.train OUT.onnx``: render, fit, export; seeded.

As it stands it is what two cores do in a quarter of an hour; more pictures and epochs see better.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

import torch

from handrail_sim.train.fit import export, fit
from handrail_sim.train.render import render


def main() -> None:
    """Make the desk's detector anew."""
    parser = argparse.ArgumentParser(description="Make the desk's detector anew.")
    parser.add_argument("out", type=Path, help="the ONNX file to write")
    parser.add_argument("--pictures", type=int, default=9000)
    parser.add_argument("--epochs", type=int, default=4, help="times that each is looked at")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cuda, where there is one")
    options = parser.parse_args()
    torch.set_num_threads(options.cores)
    began = time.monotonic()
    shots = render(options.pictures, options.seed, options.cores)
    _say(f"rendered {len(shots.pictures)} pictures, {time.monotonic() - began:.0f} s")
    detector = fit(shots, options.epochs, options.seed, _say, options.device)
    export(detector, options.out)
    used = sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    passed = time.monotonic() - began
    _say(f"{options.out}: {passed / 60:.1f} minutes, {used / 60:.1f} minutes of CPU")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
