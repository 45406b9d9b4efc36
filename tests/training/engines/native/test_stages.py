"""Machine code of other packages: which layers it is for, and failures of it."""

import pytest
from plugin_files import example, look_again, write_scale

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Shape
from rnnbench.registry import PluginError
from rnnbench.training.engines.native.engine import NativeEngine, program_of
from rnnbench.training.engines.native.stage import STAGES
from rnnbench.training.hyperparameters import TrainingSettings

NATIVE = NativeEngine()
SETTINGS = TrainingSettings()
SCALED = [
    {"embedding": {"dim": 2}},
    {"scale": {"start": 2.0}},
    {"pooling": {"by": "mean"}},
    {"dense": {"units": "topics", "activation": "softmax"}},
]
FAILING = """

class Failing(ScaleStage):
    def backward(self, asm):
        raise LookupError("no gradient")


class Undecided(ScaleStage):
    @classmethod
    def takes(cls, layers):
        raise LookupError("no idea")


class Unplaced(ScaleStage):
    def build(self):
        pass


class Choosy(ScaleStage):
    @classmethod
    def takes(cls, layers):
        return super().takes(layers) and layers[0].start == 1


class Misnamed(ScaleStage):
    kind = "other"
"""


@pytest.fixture
def scaled(tmp_path, install):
    """Give the network of a layer of another package, with a stage of a name."""

    def of(stage):
        folder = write_scale(tmp_path / "site")
        (folder / "made_up_stages.py").write_text(example("stages") + FAILING)
        entries = folder / "made_up-1.2.dist-info/entry_points.txt"
        stages = f"\n[rnnbench.stages]\nscale = made_up_stages:{stage}\n"
        entries.write_text(entries.read_text() + stages)
        install(folder)
        look_again(STAGES)
        return LayeredNetwork.model_validate({"layers": SCALED})

    yield of
    look_again(STAGES)


def make(model):
    return program_of(model, Shape(4, 3, n_ids=9), SETTINGS, 10, is_kept=False)


def test_a_stage_makes_the_engine_cover_its_layer(scaled):
    model = scaled("ScaleStage")

    assert NATIVE.covers(model, SETTINGS)
    assert NATIVE.weight_shapes(model, Shape(4, 3, n_ids=9))[1] == (2,)


def test_a_stage_may_leave_layers_to_keras(scaled):
    assert not NATIVE.covers(scaled("Choosy"), SETTINGS)


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("Failing", "LookupError: no gradient"),
        ("Unplaced", "no attribute 'above'"),
        ("Undecided", "LookupError: no idea"),
        ("Misnamed", "'other', not 'scale'"),
        ("Missing", "cannot be loaded"),
    ],
)
def test_a_stage_that_fails_is_named(scaled, stage, message):
    model = scaled(stage)

    with pytest.raises(PluginError, match=message) as failure:
        make(model).assembled()

    assert "stage 'scale' of the package made-up" in str(failure.value)


def test_a_stage_for_a_layer_of_another_package_is_refused(scaled):
    model = scaled("ScaleStage")
    STAGES.plugins["min_gru"] = STAGES.plugins["scale"]
    layers = [{"min_gru": {"units": 3}}, *SCALED[-1:]]
    model = LayeredNetwork.model_validate({"layers": layers})

    with pytest.raises(PluginError, match="not of this package"):
        NATIVE.covers(model, SETTINGS)
