"""Train a small network with code that checks addresses, and write its weights and
scores.

It reads layers as JSON, and also runs on another processor than the campaigns::

    python campaigns/small_training.py out.npz < layers.json
"""

import json
import sys
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    # In place of this folder, whose modules would hide others.
    root = Path(__file__).parents[1]
    sys.path[:1] = [str(root), str(root / "tests")]

from checked_code import CheckedProgram, faults
from machine_code import documents, here, network, program

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.training.engines.native.memory import Sizes
from rnnbench.training.engines.native.network import Scorer
from rnnbench.training.engines.native.program import passes

N_DOCUMENTS = 30
EPOCHS = (1, 2, 3)


def train(layers):
    """Return scores after some epochs, weights, and the count of wrong addresses."""
    model = LayeredNetwork.model_validate({"layers": layers})
    sizes = Sizes(
        timesteps=7, topics=20, n_ids=40, batch=11, rows=4, lanes=here.lanes, clip=1.0
    )
    code = program(model, sizes, here.registers, CheckedProgram)
    x, y = documents(sizes, N_DOCUMENTS, model=model)
    trained = network(code, model, x)
    for epoch in EPOCHS:
        trained.train(trained.lay_out(x), y, epoch)
    weights = trained.weights()
    scores = Scorer(code, model, weights).scores(x)
    return {
        "passes": np.array(passes(here)),
        "faults": np.array(faults(code.code)),
        "scores": scores,
        **{f"weights {number}": array for number, array in enumerate(weights)},
    }


if __name__ == "__main__":
    np.savez(sys.argv[1], **train(json.load(sys.stdin)))
