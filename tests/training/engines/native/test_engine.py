"""The engine ``native``: what it covers, what it needs, and how it trains."""

import os
import re
import subprocess
import sys

import pytest
from factories import SOFTMAX, benchmark, train, trial

from rnnbench.config import shipped
from rnnbench.config.load import load
from rnnbench.errors import UserError
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Shape
from rnnbench.training import settings
from rnnbench.training.engines import ENGINES
from rnnbench.training.engines.native import assembler, engine, program
from rnnbench.training.hyperparameters import TrainingSettings
from rnnbench.training.settings import Training, engine_for, resolve_engine

NATIVE = ENGINES["native"]
LSTM = {"lstm": {"units": 3}}
POOLING = {"pooling": {"by": "mean"}}
EXTENDED = {"notebook", "references", "baseline_grids", "ensembles"}
"""The configs without models, or for others."""
NO_CODE = {"ngram_embedding", "transformer_encoder", "min_gru"}
"""Layers of networks that ship, which only Keras trains."""
BASELINE = benchmark(models={"svm": {"baseline": "tfidf_linear_svm"}}).models["svm"]


def network(*layers, **options):
    return LayeredNetwork.model_validate({"layers": [*layers, SOFTMAX], **options})


@pytest.fixture
def installed(monkeypatch):
    """Has the machine be one that can make machine code, or not."""

    def be(reason=""):
        settings._has_native.cache_clear()
        monkeypatch.setattr(engine.NativeEngine, "why_not", lambda _: reason)

    yield be
    settings._has_native.cache_clear()


@pytest.mark.parametrize("config", sorted({*shipped.names()} - EXTENDED))
def test_all_networks_that_ship_are_covered_unless_their_layers_have_no_machine_code(
    config,
):
    benchmark = load(config)
    for name, model in benchmark.models.items():
        if isinstance(model, LayeredNetwork):
            has_code = not NO_CODE & {part.kind for part in model.parts}
            assert NATIVE.covers(model, benchmark.training_of(name)) == has_code


@pytest.mark.parametrize(
    ("layers", "training"),
    [
        ([{"embedding": {"dim": 2, "trainable": False}}, LSTM], {}),
        ([{"lstm": {"units": 3, "activation": "relu"}}], {}),
        ([{"lstm": {"units": 3, "dropout": 0.1}}], {}),
        ([{"gru": {"units": 3, "reset_after": False}}], {}),
        (
            [{"conv1d": {"filters": 3, "kernel_size": 2, "padding": "valid"}}, POOLING],
            {},
        ),
        ([{"bidirectional": {"layer": LSTM, "merge_mode": "sum"}}], {}),
        ([LSTM, {"dense": {"units": 4, "activation": "gelu"}}], {}),
        ([LSTM, {"dense": {"units": 4, "activation": "softmax"}}], {}),
        ([LSTM], {"optimizer": "sgd", "gradient_clip": 1.0}),
    ],
    ids=str,
)
def test_other_networks_are_not_covered(layers, training):
    assert not NATIVE.covers(network(*layers), Training(**training))


def test_baselines_are_not_covered():
    assert not NATIVE.covers(BASELINE, Training())
    assert engine_for(BASELINE, Training(engine="auto")) is ENGINES["scikit-learn"]


def test_a_machine_that_cannot_make_code_is_told_what_to_do(installed):
    installed("it needs llvmlite: pip install llvmlite, or use training.engine: keras")

    message = r"^training\.engine: native: it needs llvmlite: pip inst"
    with pytest.raises(UserError, match=message):
        engine_for(network(LSTM), Training(engine="native"))


@pytest.mark.parametrize(
    ("module", "name", "replacement", "reason"),
    [
        (
            engine,
            "find_spec",
            lambda _: None,
            r"it needs llvmlite: pip install llvmlite, or ",
        ),
        (
            assembler,
            "processor",
            lambda: None,
            r"it makes no code for this processor "
            r"\(allowed: x86-64 with AVX2 and FMA, ARM64\); ",
        ),
        (
            program,
            "passes",
            lambda _: False,
            "its code gives wrong results on this processor; ",
        ),
        (program, "passes", lambda: None, r"llvmlite does not work here \(.*\); "),
    ],
    ids=["no llvmlite", "another processor", "wrong results", "another llvmlite"],
)
def test_whatever_is_missing_is_named(monkeypatch, module, name, replacement, reason):
    monkeypatch.setattr(module, name, replacement)

    message = NATIVE.why_not.__wrapped__()
    assert re.match(rf"^{reason}use training\.engine: keras$", message)


@pytest.mark.parametrize(
    ("layers", "reason", "name"),
    [
        ([LSTM], "", "native"),
        ([LSTM], "it needs llvmlite", "keras"),
        ([{"embedding": {"dim": 2, "trainable": False}}, LSTM], "", "keras"),
    ],
    ids=["covered", "not here", "not covered"],
)
def test_auto_is_native_where_that_can_train_the_model(installed, layers, reason, name):
    installed(reason)
    model = network(*layers)
    auto = Training(engine="auto")

    assert engine_for(model, auto) is ENGINES[name]
    assert resolve_engine(model, auto) == Training(engine=name)


def test_auto_says_once_why_it_is_not_native(installed, caplog):
    installed("it needs llvmlite")

    for _ in range(3):
        engine_for(network(LSTM), Training(engine="auto"))

    assert caplog.messages == [
        "training.engine: auto: keras in place of native: it needs llvmlite"
    ]


def test_the_program_of_a_model_stays_for_its_other_seeds():
    model = network(LSTM)
    shape = Shape(5, 3, n_ids=20)

    first = engine.program_of(model, shape, TrainingSettings(), 10)
    assert NATIVE.weight_shapes(model, shape)
    assert engine.program_of(model, shape, TrainingSettings(), 10) is first


TRAIN = """
import sys
from pathlib import Path
from factories import train, trial

folder = Path(sys.argv[1])
trained = train(folder, trial(folder, training={"engine": "native"}))
print(repr(trained.record.history.loss), trained.scores.tobytes().hex())
print({"tensorflow", "keras"} & set(sys.modules))
"""


def test_another_process_trains_the_same_without_tensorflow(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    command = [sys.executable, "-c", TRAIN, str(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    trained = train(tmp_path, trial(tmp_path, training={"engine": "native"}))
    here = f"{trained.record.history.loss!r} {trained.scores.tobytes().hex()}"
    assert done.stdout.splitlines() == [here, "set()"]
