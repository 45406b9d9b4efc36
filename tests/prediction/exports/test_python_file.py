"""Kept models as files of Python: a process with NumPy alone gives their answers."""

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.random import default_rng

from rnnbench.data.padding import START
from rnnbench.data.vocabulary import Vocabulary
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.descriptions import EnsembleModel, LayeredNetwork, PythonNetwork
from rnnbench.prediction.exports.python_file import PythonFile
from rnnbench.prediction.exports.writing import HARD_TEXTS, export
from rnnbench.prediction.predict import KeptModel
from rnnbench.tasks import MULTI_LABEL, SINGLE_LABEL, Decision
from rnnbench.training.engines import ENGINES
from rnnbench.training.outcome import TrialResult

EMBEDDING = {"embedding": {"dim": 4}}
TOPICS = {"units": "topics", "activation": "softmax"}
MAX = {"pooling": {"by": "max"}}
GRU = {"gru": {"units": 3, "return_sequences": True}}
LSTM = {"lstm": {"units": 3, "return_sequences": True}}
ACTIVATIONS = [
    *("tanh", "sigmoid", "hard_sigmoid", "relu", "leaky_relu", "elu", "selu"),
    *("gelu", "silu", "softplus", "softsign", "softmax"),
]
CONVOLUTION = {"conv1d": {"filters": 3, "kernel_size": 4, "activation": "gelu"}}
STACKS = {
    "numbers": [{"simple_rnn": {"units": 3}}],
    "recurrent": [EMBEDDING, GRU, LSTM, {"pooling": {"by": "last"}}],
    "both ways": [
        EMBEDDING,
        {"bidirectional": {"layer": LSTM, "merge_mode": "mul"}},
        MAX,
    ],
    "means and sums": [
        EMBEDDING,
        {
            "bidirectional": {
                "layer": GRU
                | {"gru": {"units": 3, "return_sequences": True, "reset_after": False}},
                "merge_mode": "ave",
            }
        },
        {"bidirectional": {"layer": {"min_gru": {"units": 3}}, "merge_mode": "sum"}},
    ],
    "windows": [
        {"embedding": {"dim": 4, "masking": False}},
        {"conv1d": {"filters": 3, "kernel_size": 3, "padding": "valid"}},
        {"conv1d": {"filters": 3, "kernel_size": 2, "padding": "causal"}},
        {"pooling": {"by": "mean"}},
    ],
    "n-grams": [{"ngram_embedding": {"dim": 4, "n": 3, "buckets": 9}}, MAX],
    "tfidf": [{"bag_of_words": {"values": "tfidf"}}, {"dense": {"units": 5}}],
    "attention": [
        EMBEDDING,
        {"positions": {}},
        {"transformer_encoder": {"heads": 3, "units": 5}},
        {"pooling": {"by": "attention", "chunks": 2}},
    ],
    "all functions": [
        {"bag_of_words": {"values": "shares"}},
        *({"dense": {"units": 5, "activation": name}} for name in ACTIVATIONS),
        {"layer_norm": {}},
    ],
    "side by side": [
        EMBEDDING,
        {"parallel": {"branches": [[CONVOLUTION, MAX], [{"min_gru": {"units": 2}}]]}},
    ],
}


def weights_of(network, shape):
    """Return random weights; Keras says their shapes if there is no machine code."""
    shapes = ENGINES["native"].weight_shapes(network, shape)
    if shapes is None:
        from rnnbench.models.build import build

        shapes = [weight.shape for weight in build(network, shape, 0).get_weights()]
    random = default_rng(0)
    weights = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    if network.layers[0].kind == "bag_of_words":
        weights[0][: START + 1] = 0  # which no document teaches otherwise
    return weights


def kept(stack, task=SINGLE_LABEL, padding="pre", decision=None):
    """Return a network with random weights."""
    last = TOPICS | {"activation": task.form.last_activation}
    network = LayeredNetwork.model_validate({"layers": [*stack, {"dense": last}]})
    vocabulary = Vocabulary(
        dataset_fingerprint="d",
        source="files",
        tokenizer="words",
        words=[f"w{number}" for number in range(16)],
        topics=["a", "b", "c"],
        timesteps=9,
        padding=padding,
        truncating=padding,
    )
    model = KeptModel("net", 0, network, task, decision, None, vocabulary, "text")
    weights = weights_of(network, model.shape)
    model.trained = TrialResult(None, np.zeros(0), None, weights=weights)
    return model


def texts():
    random = default_rng(1)
    words = [f"w{number}" for number in range(18)]
    lengths = random.integers(1, 15, 40)
    return [*(" ".join(random.choice(words, n)) for n in lengths), *HARD_TEXTS]


SIDES = dict(zip(STACKS, itertools.cycle(["pre", "post"]), strict=False))


@pytest.mark.parametrize(("name", "padding"), SIDES.items())
def test_a_network_answers_as_before(name, padding, tmp_path):
    model = kept(STACKS[name], padding=padding)

    exported = export(model, PythonFile(), tmp_path / "net.py", texts())

    assert exported.texts == len(texts())
    assert exported.difference < 1e-5


@pytest.mark.parametrize("by", ["votes", "log_probabilities"])
@pytest.mark.parametrize("task", [SINGLE_LABEL, MULTI_LABEL])
def test_an_ensemble_answers_as_before(by, task, tmp_path):
    decision = Decision(threshold=[-0.5, -0.7, -0.9], best_above=-2.0)
    if task is SINGLE_LABEL:
        decision = None
    members = []
    for name in ("numbers", "tfidf"):
        model = kept(STACKS[name], task, decision=decision)
        members.append(replace(model, name=name))
    ensemble = {"of": ["numbers", "tfidf"], "by": by, "weights": [2, 1]}
    model = replace(
        members[0],
        model=EnsembleModel(ensemble=ensemble),
        members=members,
        trained=None,
    )

    exported = export(model, PythonFile(), tmp_path / "net.py", texts())

    assert exported.difference < 1e-5


def with_numpy_alone(file: Path, text: str) -> list[dict[str, float]]:
    """Run a file where NumPy is the only package that can be imported."""
    site = file.parent / "site"
    site.mkdir()
    for package in Path(np.__file__).parents[1].glob("numpy*"):
        (site / package.name).symlink_to(package)
    start = f"import sys, runpy; sys.path.append({str(site)!r}); "
    code = start + f"runpy.run_path({str(file)!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        input=text,
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        check=True,
    )
    return list(map(json.loads, done.stdout.splitlines()))


def test_a_file_needs_numpy_alone(tmp_path):
    model = kept(STACKS["recurrent"])
    file = tmp_path / "net.py"
    export(model, PythonFile(), file, [])

    lines = with_numpy_alone(file, "w1 w2 W3!\nw4\n")

    expected = model.shown_scores(["w1 w2 W3!", "w4"]).max(axis=1)
    assert [max(line.values()) for line in lines] == pytest.approx(expected, abs=1e-5)
    assert [*map(list, lines)] == [[t] for t in model.predict(["w1 w2 W3!", "w4"])]


def test_a_file_with_other_answers_is_not_written(tmp_path, monkeypatch):
    model = kept(STACKS["tfidf"])
    content = PythonFile().content(model).replace(b"IDS.get(word, 2)", b"2")
    monkeypatch.setattr(PythonFile, "content", lambda *_: content)

    with pytest.raises(RnnbenchError, match="does not give the answers of net"):
        export(model, PythonFile(), tmp_path / "net.py", texts())

    assert not (tmp_path / "net.py").exists()


def test_what_needs_more_than_arrays_is_refused(tmp_path):
    model = replace(kept(STACKS["tfidf"]), model=PythonNetwork(python="a:b"))

    with pytest.raises(UserError, match="net needs more than its arrays"):
        export(model, PythonFile(), tmp_path / "net.py", [])
