"""The code of ten networks is the same as before, on any processor.

A hash that changes on purpose is that of ``code_of`` in the message of the test.
"""

from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.training.engines.native.assembler import Processor
from rnnbench.training.engines.native.memory import Sizes
from rnnbench.training.engines.native.program import Program

STORED = yaml.safe_load(Path(__file__).with_name("same_code.yaml").read_text())
AVX512 = Processor(lanes=16, registers=32, is_x86=True)
AVX2 = Processor(lanes=8, registers=16, is_x86=True)
ARM64 = Processor(lanes=4, registers=32, is_x86=False)
PROGRAMS = {
    "trains": (AVX512, {}),
    "averages and clips": (AVX2, {"averages": True, "clip": 1.0}),
    "only scores": (ARM64, {"only_scores": True}),
}


def code_of(network, program):
    """Return the hash of what LLVM is given."""
    model = LayeredNetwork.model_validate({"layers": network["layers"]})
    processor, options = PROGRAMS[program]
    sizes = Sizes(
        timesteps=7,
        topics=20,
        n_ids=40,
        batch=11,
        rows=4,
        lanes=processor.lanes,
        **options,
    )
    module = Program(model.layers, sizes, processor).assembled().module
    return sha256(str(module).encode()).hexdigest()


@pytest.mark.skipif(
    version("llvmlite").split(".")[:2] != STORED["llvmlite"].split("."),
    reason="another llvmlite may write the same code in another way",
)
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", STORED["networks"])
def test_the_code_of_a_network_stays_the_same(name, program):
    network = STORED["networks"][name]

    assert code_of(network, program) == network[program]
