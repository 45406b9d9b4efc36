"""Trains networks with the machine code for ARM64, in an emulator of such a processor.

Their scores and weights must be those of this processor, but for rounding. It needs
``qemu-aarch64`` and a folder with an ARM64 Python, which ``.ci/arm64 FOLDER`` makes;
the variable ``ARM64`` names the folder.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import yaml

from campaigns.campaign import Campaign, Skip
from campaigns.small_training import train

ROOT = Path(__file__).parents[1]
STORED = ROOT / "tests" / "training" / "engines" / "native" / "same_code.yaml"
NETWORKS = yaml.safe_load(STORED.read_text())["networks"]
SCRIPT = ROOT / "campaigns" / "small_training.py"
EMULATOR = "qemu-aarch64"
SECONDS = 900
# Of weights and scores, which are of the size of 1; rounding grows in training.
TOLERANCE = 1e-5


def attempt(number, _random, _bench, folder):
    """Yield what differs between the two processors."""
    name = list(NETWORKS)[number]
    layers = NETWORKS[name]["layers"]
    expected = train(layers)
    emulated = _emulated(layers, folder / "emulated.npz")
    for difference in _differences(emulated, expected):
        yield f"{name}: {difference}"


def _emulated(layers, file):
    """Return the weights and scores of a training in the emulator."""
    place = os.environ.get("ARM64")
    if not (place and shutil.which(EMULATOR)):
        raise Skip(f"no {EMULATOR}, or no folder in ARM64: see .ci/arm64")
    root = Path(place, "root")
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(place, "packages")),
        "QEMU_LD_PREFIX": str(root),
        # OpenBLAS's code for SVE fails in the emulator.
        "QEMU_CPU": "neoverse-n1",
    }
    subprocess.run(
        [EMULATOR, root / "usr" / "bin" / "python3", SCRIPT, file],
        input=json.dumps(layers),
        env=variables,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    with np.load(file) as arrays:
        return dict(arrays)


def _differences(emulated, expected):
    if not emulated.pop("passes"):
        yield "the self-test fails"
    if emulated.pop("faults"):
        yield "an address outside of its array"
    for name, array in emulated.items():
        largest = np.abs(array - expected[name]).max(initial=0)
        if not largest <= TOLERANCE:
            yield f"{name} differ by {largest:.1e}"


CAMPAIGN = Campaign(
    long=len(NETWORKS),
    short=0,
    attempt=attempt,
    is_list=True,
)
