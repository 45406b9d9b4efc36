"""What a config file may say, and what is answered to one that says something else."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.config.load import Override, load, load_data, select
from rnnbench.config.problems import ConfigError
from rnnbench.config.schema import Benchmark
from rnnbench.data.settings import Data
from rnnbench.models.baselines import TfidfLinearSVM
from rnnbench.models.descriptions import BaselineModel, Network
from rnnbench.training.recipe import Training

CONFIGS = Path(__file__).parents[2] / "configs"

MODELS = """\
models:
  rnn:
    layers:
      - simple_rnn: {units: 2}
      - dense: {units: topics, activation: softmax}
"""
SMALL = f"name: small\n{MODELS}"
SOFTMAX = "dense: {units: topics, activation: softmax}"
MAX = "pooling: {by: max}"
CONV = "conv1d: {filters: 3, kernel_size: 2}"

TOP_KEYS = "allowed: name, data, training, models, references, extends"
DATA_KEYS = (
    "allowed: source, path, num_words, maxlen, split, test_split, seed, pad_length, padding, "
    "truncating"
)
TRAINING_KEYS = (
    "allowed: epochs, batch_size, optimizer, learning_rate, validation_split, engine, seeds"
)
GRU_KEYS = (
    "allowed: units, activation, return_sequences, dropout, recurrent_dropout, "
    "recurrent_activation, reset_after"
)
LSTM_KEYS = GRU_KEYS.replace("reset_after", "unit_forget_bias")
KINDS = (
    "allowed: embedding, conv1d, pooling, dense, dropout, spatial_dropout, layer_norm, simple_rnn, "
    "gru, lstm, bidirectional"
)
RECURRENT = "allowed: simple_rnn, gru, lstm"
BASELINES = (
    "allowed: most_frequent, stratified, tfidf_logistic_regression, tfidf_linear_svm, "
    "multinomial_naive_bayes"
)
SOURCES = "allowed: auto, keras, sgml, r52, r8"
OPTIMIZERS = "allowed: adam, adamw, nadam, rmsprop, sgd"
ACTIVATIONS = (
    "allowed: tanh, sigmoid, hard_sigmoid, relu, leaky_relu, elu, selu, gelu, silu, softplus, "
    "softsign, softmax, linear"
)
SEEDS = "allowed: a number of seeds from 1 to 10,000, or a list of seeds, [0, 1, 2]"
UNITS = "allowed: 1 to 100,000, or topics: one unit for each topic"
A_NAME = "a name has up to 100 letters, digits, - and _, for it names files"
A_PATH = "should be the name of a file or a folder"
A_MAPPING = "should be a mapping of keys to values"
A_LAYER = "a layer is written as `- lstm: {units: 50}`"
A_RECURRENT_LAYER = "a recurrent layer is written as `layer: {lstm: {units: 50}}`"
A_BASELINE = "a baseline is written as `baseline: tfidf_linear_svm`"
ONE_FINGERPRINT = "should have one fingerprint (allowed: either dataset or split)"
NO_LAYERS = (
    "no list of layers (the last layer of a model is `- dense: {units: topics, activation: "
    "softmax}`)"
)
NOT_A_TOPIC = (
    "the last layer must give a probability for each topic (allowed: dense: {units: topics, "
    "activation: softmax})"
)
NEEDS_SEQUENCE = (
    "needs a sequence, but the layers before it give one vector for each document (set "
    "return_sequences: true on the recurrent layer before it)"
)
GIVES_SEQUENCE = (
    "gives an answer at each step, but a document has one topic (set return_sequences: false "
    "on the last recurrent layer, or add a pooling layer)"
)
NOT_THE_FIRST = "takes word ids, which only the first layer is given (put it first)"
ENDS_MASKING = (
    "does not know about padding, so masking would end here (set masking: false on the embedding)"
)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "good.yaml") -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def messages(file: Path, *overrides: Override) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(file, overrides)
    return str(caught.value).splitlines()


def answers_to(text: str, *overrides: Override) -> list[str]:
    return messages(write(text, "bad.yaml"), *overrides)


def setting(key: str, value: str) -> Override:
    """Return what ``--set key=value`` means."""
    return Override(f"--set {key}={value}", key, value)


def case(what: str, *rest):
    return pytest.param(*rest, id=what)


# A config that is wrong, and the whole answer to it.


def value(key: str, written: str, answer: str):
    return case(f"{key}={written}", key, written, answer)


@pytest.mark.parametrize(
    ("key", "written", "answer"),
    [
        value("training.epochs", "ten", "got 'ten' (should be a valid integer)"),
        value("training.epochs", "'10'", "got '10' (should be a valid integer)"),
        value("training.epochs", "", "got nothing (should be a valid integer)"),
        value("training.epochs", "0", "got 0 (should be greater than 0)"),
        value("training.batch_size", "true", "got true (should be a valid integer)"),
        value("training.learning_rate", "1e999", "got inf (should be a finite number)"),
        value("training.validation_split", "1", "got 1 (should be less than 1)"),
        value(
            "training.validation_split", "-0.1", "got -0.1 (should be greater than or equal to 0)"
        ),
        value("training.validation_split", ".nan", "got nan (should be less than 1)"),
        value("training.validation_split", "20%", "got '20%' (should be a valid number)"),
        value("training.optimizer", "Adam", f"got 'Adam' ({OPTIMIZERS}; did you mean 'adam'?)"),
        value("training.seeds", "0", f"got 0 ({SEEDS})"),
        value("training.seeds", "10001", f"got 10001 ({SEEDS})"),
        value("training.seeds", "", f"got nothing ({SEEDS})"),
        value("training.seeds", "[]", f"got [] ({SEEDS})"),
        value("training.seeds", "[0, 0]", "a seed comes twice (allowed: distinct seeds)"),
        value("data.source", "kears", f"got 'kears' ({SOURCES}; did you mean 'keras'?)"),
        value("data.source", "x" * 70, f"got '{'x' * 56}... ({SOURCES})"),
        value("data.path", "3", f"got 3 ({A_PATH})"),
        value("data.path", "''", f"got '' ({A_PATH})"),
        value("data.path", "~nobody-here/x", f"got '~nobody-here/x' ({A_PATH})"),
        value("data.path", '"a\\0b"', f"got 'a\\x00b' ({A_PATH})"),
        value("data.padding", "POST", "got 'POST' (allowed: pre, post; did you mean 'post'?)"),
        value("data.truncating", "middle", "got 'middle' (allowed: pre, post)"),
        value("data.test_split", "1", "got 1 (should be less than 1)"),
        value("data.seed", "4294967296", "got 4294967296 (should be less than 4294967296)"),
        value("data.num_words", "3", "got 3 (should be greater than or equal to 4)"),
        value("data.maxlen", "2", "got 2 (should be greater than or equal to 3)"),
    ],
)
def test_a_wrong_value_is_answered_with_its_line_and_what_is_allowed(key, written, answer):
    section, name = key.split(".")
    text = f"{section}:\n  {name}: {written}\n{SMALL}"
    assert answers_to(text) == [f"bad.yaml:2: {key}: {answer}"]


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        case(
            "beside-the-sections",
            f"trainig: {{}}\n{SMALL}",
            [f"bad.yaml:1: trainig: unknown key ({TOP_KEYS}; did you mean 'training'?)"],
        ),
        case(
            "extend",
            f"extend: notebook.yaml\n{SMALL}",
            [f"bad.yaml:1: extend: unknown key ({TOP_KEYS}; did you mean 'extends'?)"],
        ),
        case(
            "in-training",
            f"training:\n  epoch: 3\n{SMALL}",
            [f"bad.yaml:2: training.epoch: unknown key ({TRAINING_KEYS}; did you mean 'epochs'?)"],
        ),
        case(
            "in-a-model",
            f"{SMALL}    Layer: []\n",
            [
                "bad.yaml:7: models.rnn.Layer: unknown key (allowed: inputs, layers, baseline, "
                "python; did you mean 'layers'?)"
            ],
        ),
        case(
            "with-dots",
            f"training.epochs: 3\n{SMALL}",
            [f"bad.yaml:1: training.epochs: unknown key ({TOP_KEYS}; did you mean 'training'?)"],
        ),
        case(
            "merge-key-of-YAML-1.1",
            f"training:\n  <<: {{epochs: 3}}\n{SMALL}",
            [f"bad.yaml:2: training.<<: unknown key ({TRAINING_KEYS})"],
        ),
        case("empty", f"'': 3\n{SMALL}", [f"bad.yaml:1: '': unknown key ({TOP_KEYS})"]),
        case("a-number", f"{SMALL}1.50: 4\n", [f"bad.yaml:7: 1.50: unknown key ({TOP_KEYS})"]),
        case("a-list", f"{SMALL}[1, 2]: 3\n", ["bad.yaml:7: not YAML: a key must be a word"]),
        case(
            "of-two-lines",
            f'"a\\nb": 3\n{SMALL}',
            [f"bad.yaml:1: 'a\\nb': unknown key ({TOP_KEYS})"],
        ),
        case(
            "twice",
            f"name: first\n{SMALL}",
            ["bad.yaml:2: name: duplicate key (first on line 1)"],
        ),
        case(
            "thrice",
            f"training:\n  epochs: 1\n  epochs: 2\n  epochs: 3\n{SMALL}",
            [
                "bad.yaml:3: training.epochs: duplicate key (first on line 2)",
                "bad.yaml:4: training.epochs: duplicate key (first on line 2)",
            ],
        ),
        case(
            "in-a-layer-twice",
            "name: small\nmodels:\n  rnn:\n    layers:\n      - gru: {units: 2, units: 3}\n"
            f"      - {SOFTMAX}\n",
            ["bad.yaml:5: models.rnn.layers.0.gru.units: duplicate key (first on line 5)"],
        ),
    ],
)
def test_a_key_is_known_and_stands_once(text, answers):
    assert answers_to(text) == answers


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        case(
            "no-name-and-no-models",
            "# a comment\ndata: {}\n",
            ["bad.yaml:2: models: missing key", "bad.yaml:2: name: missing key"],
        ),
        case("name-null", f"name:\n{MODELS}", [f"bad.yaml:1: name: got nothing ({A_NAME})"]),
        case("data-a-word", f"data: r8\n{SMALL}", [f"bad.yaml:1: data: got 'r8' ({A_MAPPING})"]),
        case(
            "models-empty",
            "name: small\nmodels: {}\n",
            ["bad.yaml:2: models: is empty (needs at least one entry)"],
        ),
        case(
            "models-null",
            "name: small\nmodels:\n",
            [f"bad.yaml:2: models: got nothing ({A_MAPPING})"],
        ),
        case(
            "model-null",
            "name: small\nmodels:\n  rnn:\n",
            ["bad.yaml:3: models.rnn.layers: missing key"],
        ),
        case(
            "model-name-with-space",
            SMALL.replace("rnn:", "my rnn:", 1),
            [f"bad.yaml:3: models.my rnn: got 'my rnn' ({A_NAME})"],
        ),
        case(
            "layers-null",
            "name: small\nmodels:\n  rnn:\n    layers:\n",
            [f"bad.yaml:4: models.rnn.layers: {NO_LAYERS}"],
        ),
    ],
)
def test_a_section_has_its_shape(text, answers):
    assert answers_to(text) == answers


@pytest.mark.parametrize(
    ("layers", "answers"),
    [
        case(
            "unknown",
            ["lstn: {units: 2}", SOFTMAX],
            [f"5: models.rnn.layers.0: unknown layer 'lstn' ({KINDS}; did you mean 'lstm'?)"],
        ),
        case(
            "in-capitals",
            ["LSTM: {units: 2}", SOFTMAX],
            [f"5: models.rnn.layers.0: unknown layer 'LSTM' ({KINDS}; did you mean 'lstm'?)"],
        ),
        case(
            "parameters-not-indented",
            ["lstm:\n        units: 5", SOFTMAX],
            [f'5: models.rnn.layers.0: got {{"lstm": null, "units": 5}} ({A_LAYER})'],
        ),
        case("nothing", ["", SOFTMAX], [f"5: models.rnn.layers.0: got nothing ({A_LAYER})"]),
        case(
            "parameters-a-number",
            ["gru: 50", SOFTMAX],
            [f"5: models.rnn.layers.0.gru: got 50 ({A_MAPPING})"],
        ),
        case(
            "no-parameters",
            ["gru:", "dropout: {}", SOFTMAX],
            [
                "5: models.rnn.layers.0.gru.units: missing key",
                "6: models.rnn.layers.1.dropout.rate: missing key",
            ],
        ),
        case(
            "unknown-parameter",
            ["gru:\n          units: 2\n          dropuot: 0.1", SOFTMAX],
            [
                f"7: models.rnn.layers.0.gru.dropuot: unknown key ({GRU_KEYS}; "
                "did you mean 'dropout'?)"
            ],
        ),
        case(
            "parameter-of-another-layer",
            ["gru: {units: 2, unit_forget_bias: true}", SOFTMAX],
            [f"5: models.rnn.layers.0.gru.unit_forget_bias: unknown key ({GRU_KEYS})"],
        ),
        case(
            "unknown-activation",
            ["gru: {units: 2, activation: tahn}", SOFTMAX],
            [
                f"5: models.rnn.layers.0.gru.activation: got 'tahn' ({ACTIVATIONS}; "
                "did you mean 'tanh'?)"
            ],
        ),
        case(
            "yes-is-a-word",
            ["gru: {units: 2, reset_after: yes}", SOFTMAX],
            ["5: models.rnn.layers.0.gru.reset_after: got 'yes' (should be a valid boolean)"],
        ),
        case(
            "dense-layer-of-anything-else",
            ["gru: {units: 2}", "dense: {units: topic}", "dense: {units: true}", SOFTMAX],
            [
                f"6: models.rnn.layers.1.dense.units: got 'topic' ({UNITS})",
                f"7: models.rnn.layers.2.dense.units: got true ({UNITS})",
            ],
        ),
        case(
            "sizes-that-no-memory-holds",
            ["gru: {units: 100001}", "dense: {units: 100001}", SOFTMAX],
            [
                "5: models.rnn.layers.0.gru.units: got 100001 (should be less than or equal to "
                "100000)",
                f"6: models.rnn.layers.1.dense.units: got 100001 ({UNITS})",
            ],
        ),
        case(
            "recurrent-on-a-vector",
            ["gru: {units: 2}", "lstm: {units: 2}", "simple_rnn: {units: 2}", SOFTMAX],
            [
                f"6: models.rnn.layers.1.lstm: {NEEDS_SEQUENCE}",
                f"7: models.rnn.layers.2.simple_rnn: {NEEDS_SEQUENCE}",
            ],
        ),
        case(
            "recurrent-after-pooling",
            ["pooling: {by: max}", "lstm: {units: 2}", SOFTMAX],
            [f"6: models.rnn.layers.1.lstm: {NEEDS_SEQUENCE}"],
        ),
        case(
            "embedding-not-first",
            ["gru: {units: 2, return_sequences: true}", "embedding: {dim: 3}", MAX, SOFTMAX],
            [f"6: models.rnn.layers.1.embedding: {NOT_THE_FIRST}"],
        ),
        case(
            "embedding-twice",
            ["embedding: {dim: 3}", "embedding: {dim: 3}", MAX, SOFTMAX],
            [f"6: models.rnn.layers.1.embedding: {NOT_THE_FIRST}"],
        ),
        case(
            "masking-ended-by-a-convolution",
            ["embedding: {dim: 3, masking: true}", "dropout: {rate: 0.1}", CONV, MAX, SOFTMAX],
            [f"7: models.rnn.layers.2.conv1d: {ENDS_MASKING}"],
        ),
        case(
            "bidirectional-of-nothing",
            ["bidirectional: {layer: }", SOFTMAX],
            [f"5: models.rnn.layers.0.bidirectional.layer: got nothing ({A_RECURRENT_LAYER})"],
        ),
        case(
            "bidirectional-of-what-is-not-recurrent",
            ["bidirectional: {layer: {conv1d: {filters: 3, kernel_size: 2}}}", SOFTMAX],
            [
                "5: models.rnn.layers.0.bidirectional.layer: unknown recurrent layer 'conv1d' "
                f"({RECURRENT})"
            ],
        ),
        case(
            "bidirectional-of-a-layer-in-error",
            ["bidirectional:\n          layer:\n            gru: {unit: 3}", SOFTMAX],
            [
                "7: models.rnn.layers.0.bidirectional.layer.gru.unit: unknown key "
                f"({GRU_KEYS}; did you mean 'units'?)",
                "7: models.rnn.layers.0.bidirectional.layer.gru.units: missing key",
            ],
        ),
        case(
            "unknown-merge-mode",
            ["bidirectional: {layer: {gru: {units: 2}}, merge_mode: max}", SOFTMAX],
            [
                "5: models.rnn.layers.0.bidirectional.merge_mode: got 'max' (allowed: concat, sum, "
                "ave, mul)"
            ],
        ),
        case(
            "unknown-way-of-pooling",
            ["pooling: {by: avg}", SOFTMAX],
            ["5: models.rnn.layers.0.pooling.by: got 'avg' (allowed: max, mean, last, attention)"],
        ),
        case(
            "unknown-padding",
            ["conv1d: {filters: 2, kernel_size: 0, padding: full}", MAX, SOFTMAX],
            [
                "5: models.rnn.layers.0.conv1d.kernel_size: got 0 (should be greater than 0)",
                "5: models.rnn.layers.0.conv1d.padding: got 'full' (allowed: valid, same, causal)",
            ],
        ),
        case(
            "normalisation-without-an-epsilon",
            ["layer_norm: {epsilon: 0}", "spatial_dropout: {rate: 1}", MAX, SOFTMAX],
            [
                "5: models.rnn.layers.0.layer_norm.epsilon: got 0 (should be greater than 0)",
                "6: models.rnn.layers.1.spatial_dropout.rate: got 1 (should be less than 1)",
            ],
        ),
        case(
            "last-without-softmax",
            ["gru: {units: 2}", "dense: {units: topics}"],
            [f"6: models.rnn.layers.1: {NOT_A_TOPIC}"],
        ),
        case(
            "answer-a-step",
            ["gru: {units: 2, return_sequences: true}", SOFTMAX],
            [f"6: models.rnn.layers.1: {GIVES_SEQUENCE}"],
        ),
    ],
)
def test_layers_are_known_and_fit_together(layers, answers):
    items = "".join(f"      - {layer}\n" for layer in layers)
    text = f"name: small\nmodels:\n  rnn:\n    layers:\n{items}"
    assert answers_to(text) == [f"bad.yaml:{answer}" for answer in answers]


@pytest.mark.parametrize(
    ("written", "answers"),
    [
        case(
            "unknown",
            "baseline: tfidf_linear_smv",
            [
                f"baseline: unknown baseline 'tfidf_linear_smv' ({BASELINES}; "
                "did you mean 'tfidf_linear_svm'?)"
            ],
        ),
        case(
            "a-layer",
            "baseline: {lstm: {units: 2}}",
            [f"baseline: unknown baseline 'lstm' ({BASELINES})"],
        ),
        case("nothing", "baseline: ", [f"baseline: got nothing ({A_BASELINE})"]),
        case("a-number", "baseline: 3", [f"baseline: got 3 ({A_BASELINE})"]),
        case(
            "a-list",
            "baseline: [stratified]",
            [f'baseline: got ["stratified"] ({A_BASELINE})'],
        ),
        case(
            "two-at-once",
            "baseline: {most_frequent: , stratified: }",
            [f'baseline: got {{"most_frequent": null, "stratified": null}} ({A_BASELINE})'],
        ),
        case(
            "parameters-a-number",
            "baseline: {stratified: 5}",
            [f"baseline.stratified: got 5 ({A_MAPPING})"],
        ),
        case(
            "unknown-parameter",
            "baseline: {tfidf_linear_svm: {c: 0.5}}",
            ["baseline.tfidf_linear_svm.c: unknown key (allowed: max_ngram, C; did you mean 'C'?)"],
        ),
        case(
            "parameter-of-another-baseline",
            "baseline: {multinomial_naive_bayes: {C: 1}}",
            [
                "baseline.multinomial_naive_bayes.C: unknown key (allowed: max_ngram, alpha)",
            ],
        ),
        case(
            "parameter-of-one-that-has-none",
            "baseline: {most_frequent: {C: 1}}",
            ["baseline.most_frequent.C: unknown key (allowed: none)"],
        ),
        case(
            "wrong-parameters",
            "baseline: {tfidf_logistic_regression: {C: 0, max_ngram: 6}}",
            [
                "baseline.tfidf_logistic_regression.C: got 0 (should be greater than 0)",
                "baseline.tfidf_logistic_regression.max_ngram: got 6 "
                "(should be less than or equal to 5)",
            ],
        ),
        case(
            "with-layers",
            "{baseline: stratified, layers: []}",
            ["layers: unknown key (allowed: baseline)"],
        ),
    ],
)
def test_a_baseline_is_known_and_has_its_parameters(written, answers):
    text = f"name: small\nmodels:\n  svm:\n    {written}\n"
    assert answers_to(text) == [f"bad.yaml:4: models.svm.{answer}" for answer in answers]


A_FUNCTION = r"(should match ^[A-Za-z_][\w.]*:[A-Za-z_]\w*$)"


@pytest.mark.parametrize(
    ("written", "answers"),
    [
        case("no-function", "python: nets", [f"python: got 'nets' {A_FUNCTION}"]),
        case("no-module", "python: ':make'", [f"python: got ':make' {A_FUNCTION}"]),
        case("a-call", "python: nets:make(3)", [f"python: got 'nets:make(3)' {A_FUNCTION}"]),
        case("nothing", "python:", ["python: got nothing (should be a valid string)"]),
        case(
            "with-layers",
            "{python: nets:make, layers: []}",
            ["layers: unknown key (allowed: python, arguments)"],
        ),
        case(
            "arguments-in-a-list",
            "{python: nets:make, arguments: [3]}",
            [f"arguments: got [3] ({A_MAPPING})"],
        ),
    ],
)
def test_a_model_of_python_names_a_function(written, answers):
    text = f"name: small\nmodels:\n  own:\n    {written}\n"
    assert answers_to(text) == [f"bad.yaml:4: models.own.{answer}" for answer in answers]


@pytest.mark.parametrize(
    ("inputs", "first", "answer"),
    [
        case(
            "scaled-for-an-embedding",
            "scaled_ids",
            "embedding: {dim: 3}",
            "3: models.rnn: inputs: embedding takes whole ids (allowed: inputs: ids)",
        ),
        case(
            "of-another-kind",
            "scaled",
            CONV,
            "4: models.rnn.inputs: got 'scaled' (allowed: ids, scaled_ids; did you mean "
            "'scaled_ids'?)",
        ),
    ],
)
def test_inputs_fit_the_first_layer(inputs, first, answer):
    layers = f"      - {first}\n      - {MAX}\n      - {SOFTMAX}\n"
    text = f"name: small\nmodels:\n  rnn:\n    inputs: {inputs}\n    layers:\n{layers}"
    assert answers_to(text) == [f"bad.yaml:{answer}"]


FINGERPRINT = "'" + "5" * 64 + "'"


@pytest.mark.parametrize(
    ("references", "answers"),
    [
        case("null", "", [f"1: references: got nothing ({A_MAPPING})"]),
        case("a-list", " [paper]", [f'1: references: got ["paper"] ({A_MAPPING})']),
        case(
            "one-without-anything",
            "\n  paper:",
            ["2: references.paper.models: missing key", "2: references.paper.source: missing key"],
        ),
        case(
            "all-wrong",
            "\n  a paper:\n    source: 3\n    dataset: abc\n    training: {epochs: 0}\n"
            "    models:\n      a: {params: 0, accuracy: 1.5}\n      b: {accuracy: high}\n"
            "      c: {}",
            [
                f"2: references.a paper: got 'a paper' ({A_NAME})",
                "3: references.a paper.source: got 3 (should be a valid string)",
                "4: references.a paper.dataset: got 'abc' (should match ^[0-9a-f]{64}$)",
                "5: references.a paper.training.epochs: got 0 (should be greater than 0)",
                "7: references.a paper.models.a.accuracy: got 1.5 "
                "(should be less than or equal to 1)",
                "7: references.a paper.models.a.params: got 0 (should be greater than 0)",
                "8: references.a paper.models.b.accuracy: got 'high' (should be a valid number)",
                "9: references.a paper.models.c.accuracy: missing key",
            ],
        ),
        case(
            "no-models",
            f"\n  paper: {{source: x, split: {FINGERPRINT}, models: {{}}}}",
            ["2: references.paper.models: is empty (needs at least one entry)"],
        ),
        case(
            "tied-to-nothing",
            "\n  paper: {source: x, models: {a: {accuracy: 1}}}",
            [f"2: references.paper: {ONE_FINGERPRINT}"],
        ),
        case(
            "tied-to-both",
            f"\n  paper: {{source: x, dataset: {FINGERPRINT}, split: {FINGERPRINT}, "
            "models: {a: {accuracy: 1}}}",
            [f"2: references.paper: {ONE_FINGERPRINT}"],
        ),
        case(
            "an-engine-is-not-part-of-how-others-trained",
            f"\n  paper: {{source: x, split: {FINGERPRINT}, models: {{a: {{accuracy: 1}}}}, "
            "training: {engine: keras}}",
            [
                "2: references.paper.training.engine: unknown key (allowed: epochs, batch_size, "
                "optimizer, learning_rate, validation_split)"
            ],
        ),
    ],
)
def test_a_reference_says_what_was_published_and_on_which_wires(references, answers):
    text = f"references:{references}\n{SMALL}"
    assert answers_to(text) == [f"bad.yaml:{answer}" for answer in answers]


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        case("empty", "# soon\n", ["bad.yaml: the file is empty (needs: name, models)"]),
        case("word", "\n\nhello\n", ["bad.yaml:3: should be a mapping, such as `name: all`"]),
        case(
            "tab",
            "name: a\ntraining:\n\tepochs: 3\n",
            [
                "bad.yaml:3: not YAML: while scanning for the next token, found character '\\t' "
                "that cannot start any token"
            ],
        ),
        case(
            "indented-too-much",
            "name: a\n  data: {}\n",
            ["bad.yaml:2: not YAML: mapping values are not allowed here"],
        ),
        case(
            "unknown-alias",
            "name: *a\n",
            ["bad.yaml:1: not YAML: found undefined alias 'a'"],
        ),
        case(
            "two-documents",
            f"{SMALL}---\n{SMALL}",
            [
                "bad.yaml:7: not YAML: expected a single document in the stream, but found "
                "another document"
            ],
        ),
        case(
            "control-character",
            "name: a\nmodels: \7\n",
            ["bad.yaml: not YAML: the character #x0007 is not allowed"],
        ),
        case(
            "python-call",
            f"data:\n  path: !!python/object/apply:os.system [ls]\n{SMALL}",
            [
                "bad.yaml:2: not YAML: the tag tag:yaml.org,2002:python/object/apply:os.system is "
                "not plain data's"
            ],
        ),
        case(
            "number-that-is-none",
            f"training: {{epochs: !!int ten}}\n{SMALL}",
            ["bad.yaml:1: not plain data: 'ten' is no int"],
        ),
        case(
            "list-that-is-none",
            f"training: !!seq x\n{SMALL}",
            ["bad.yaml:1: not YAML: the tag tag:yaml.org,2002:seq is not plain data's"],
        ),
        case(
            "mapping-that-is-none",
            f"training: !!map x\n{SMALL}",
            ["bad.yaml:1: not YAML: the tag tag:yaml.org,2002:map is not plain data's"],
        ),
        case(
            "5000-lists-in-each-other",
            f"data: {'[' * 5000}{']' * 5000}\n{SMALL}",
            ["bad.yaml: not YAML: nested too deeply"],
        ),
        case(
            "windows-line-ends",
            f"{SMALL}training:\n  epochs: x\n".replace("\n", "\r\n"),
            ["bad.yaml:8: training.epochs: got 'x' (should be a valid integer)"],
        ),
    ],
)
def test_a_file_is_one_mapping_of_plain_data(text, answers):
    assert answers_to(text) == answers


@pytest.mark.parametrize(
    "text",
    [
        case("a number of 5000 digits", f"training: {{epochs: {'9' * 5000}}}\n{SMALL}"),
        case("half a character", f'data: {{path: "\\ud800"}}\n{SMALL}'),
        case("data in themselves", f"data: &data {{path: *data}}\n{SMALL}"),
    ],
)
def test_an_odd_value_is_answered_too(text):
    (answer,) = answers_to(text)
    assert answer.startswith("bad.yaml:1: ")


def test_a_file_that_is_not_there_is_answered_with_the_nearest_that_is():
    write(SMALL, "Small.yaml")
    assert messages(Path("smal.yaml")) == [
        "smal.yaml: no such file (allowed: Small.yaml; did you mean 'Small.yaml'?)"
    ]


def test_a_file_in_a_folder_that_is_not_there():
    assert messages(Path("nowhere/small.yaml")) == [
        "nowhere/small.yaml: no such file (allowed: none)"
    ]


def test_a_folder_is_no_config():
    Path("configs").mkdir()
    assert messages(Path("configs")) == ["configs: is a folder (should be a config file)"]


def test_a_file_in_another_encoding_than_utf_8():
    Path("bad.yaml").write_bytes("# no\nname: café\n".encode("latin-1"))
    assert messages(Path("bad.yaml")) == ["bad.yaml:2: is not UTF-8"]


@pytest.mark.parametrize(
    ("files", "answers"),
    [
        case(
            "unknown-key-two-files-down",
            {
                "bad.yaml": f"extends: a.yaml\n{SMALL}",
                "a.yaml": "extends: b.yaml\ntraining:\n  epochs: 3\n",
                "b.yaml": "training:\n  epoch: 3\n",
            },
            [f"b.yaml:2: training.epoch: unknown key ({TRAINING_KEYS}; did you mean 'epochs'?)"],
        ),
        case(
            "duplicate-key-in-a-file-extended-twice",
            {
                "bad.yaml": f"extends: [left.yaml, right.yaml]\n{SMALL}",
                "left.yaml": "extends: a.yaml\n",
                "right.yaml": "extends: a.yaml\n",
                "a.yaml": "data:\n  seed: 1\n  seed: 2\n",
            },
            ["a.yaml:3: data.seed: duplicate key (first on line 2)"],
        ),
        case(
            "a-file-that-does-not-fit-the-extended-one",
            {"bad.yaml": "extends: a.yaml\ndata: r8\n", "a.yaml": f"{SMALL}data: {{seed: 2}}\n"},
            [f"bad.yaml:2: data: got 'r8' ({A_MAPPING})"],
        ),
        case(
            "missing-keys",
            {"bad.yaml": "extends: a.yaml\nextends: a.yaml\n", "a.yaml": "name: small\n"},
            [
                "bad.yaml:1: models: missing key",
                "bad.yaml:2: extends: duplicate key (first on line 1)",
            ],
        ),
        case(
            "keys-that-may-stand-in-the-extended-file",
            {"bad.yaml": "extends: a.yaml\ntraining: {epochs: x}\nfoo: 1\n", "a.yaml": ""},
            [
                "a.yaml: the file is empty (needs: name, models)",
                "bad.yaml:2: training.epochs: got 'x' (should be a valid integer)",
                f"bad.yaml:3: foo: unknown key ({TOP_KEYS})",
            ],
        ),
        case(
            "keys-of-a-section-that-may-stand-in-the-extended-file",
            {"bad.yaml": f"extends: a.yaml\nreferences: {{paper: {{source: x}}}}\n{SMALL}"},
            ["bad.yaml:1: extends: no such file: a.yaml (allowed: none)"],
        ),
        case(
            "keys-that-no-extended-file-can-add-to-a-list",
            {"bad.yaml": "extends: a.yaml\nmodels: {rnn: {layers: [gru: {}]}}\n"},
            [
                "bad.yaml:1: extends: no such file: a.yaml (allowed: none)",
                "bad.yaml:2: models.rnn.layers.0.gru.units: missing key",
            ],
        ),
    ],
)
def test_an_extended_file_is_answered_with_its_own_lines(files, answers):
    for name, text in files.items():
        write(text, name)
    assert messages(Path("bad.yaml")) == answers


def test_every_problem_is_told_at_once_in_reading_order():
    write("training:\n  seeds: 0\n", "a.yaml")
    text = """\
extends: a.yaml
name: my bench
data:
  sedd: 2
  source: r9
  seed: -1
  seed: 1
training:
  batch_size: 0
  epochs: ten
models:
  rnn:
    layers:
      - gru: {units: 0}
      - lstm: {unit: 1}
      - dense: {units: 3}
foo: 1
"""
    assert answers_to(text, setting("data.maxlen", "0")) == [
        "--set data.maxlen=0: data.maxlen: got 0 (should be greater than or equal to 3)",
        f"a.yaml:2: training.seeds: got 0 ({SEEDS})",
        f"bad.yaml:2: name: got 'my bench' ({A_NAME})",
        f"bad.yaml:4: data.sedd: unknown key ({DATA_KEYS}; did you mean 'seed'?)",
        f"bad.yaml:5: data.source: got 'r9' ({SOURCES})",
        "bad.yaml:7: data.seed: duplicate key (first on line 6)",
        "bad.yaml:9: training.batch_size: got 0 (should be greater than 0)",
        "bad.yaml:10: training.epochs: got 'ten' (should be a valid integer)",
        "bad.yaml:14: models.rnn.layers.0.gru.units: got 0 (should be greater than 0)",
        f"bad.yaml:15: models.rnn.layers.1.lstm.unit: unknown key ({LSTM_KEYS}; "
        "did you mean 'units'?)",
        "bad.yaml:15: models.rnn.layers.1.lstm.units: missing key",
        f"bad.yaml:16: models.rnn.layers.2: {NOT_A_TOPIC}",
        f"bad.yaml:17: foo: unknown key ({TOP_KEYS})",
    ]


# A flag that is wrong, and the whole answer to it.


@pytest.mark.parametrize(
    ("override", "answer"),
    [
        case(
            "value",
            Override("--epochs", "training.epochs", "ten"),
            "--epochs: training.epochs: got 'ten' (should be a valid integer)",
        ),
        case(
            "unknown-key",
            setting("training.epoch", "3"),
            "--set training.epoch=3: training.epoch: unknown key "
            f"({TRAINING_KEYS}; did you mean 'epochs'?)",
        ),
        case(
            "unknown-section",
            setting("trainig.epochs", "3"),
            f"--set trainig.epochs=3: trainig: unknown key ({TOP_KEYS}; did you mean 'training'?)",
        ),
        case(
            "below-a-number",
            setting("training.epochs.x", "1"),
            '--set training.epochs.x=1: training.epochs: got {"x": 1} (should be a valid integer)',
        ),
        case(
            "in-a-layer",
            setting("models.rnn.layers.0.simple_rnn.units", "x"),
            "--set models.rnn.layers.0.simple_rnn.units=x: models.rnn.layers.0.simple_rnn.units: "
            "got 'x' (should be a valid integer)",
        ),
        case(
            "no-such-layer",
            setting("models.rnn.layers.5.gru.units", "7"),
            "--set models.rnn.layers.5.gru.units=7: no item '5' (the list has 2, counted from 0)",
        ),
        case(
            "in-a-whole-section",
            setting("training", "{batch_size: 0}"),
            "--set training={batch_size: 0}: training.batch_size: got 0 (should be greater than 0)",
        ),
        case(
            "not-YAML",
            setting("training.epochs", "[1"),
            "--set training.epochs=[1: not YAML: while parsing a flow sequence, expected ',' or "
            "']', but got '<stream end>'",
        ),
        case(
            "not-plain-data",
            Override("--epochs", "training.epochs", "!!python/name:os.system"),
            "--epochs: not YAML: the tag tag:yaml.org,2002:python/name:os.system is not plain "
            "data's",
        ),
        case(
            "key-twice",
            Override("--set", "training", "{epochs: 1, epochs: 2}"),
            "--set: epochs: duplicate key (first on line 1)",
        ),
    ],
)
def test_a_flag_is_blamed_by_its_name(override, answer):
    assert answers_to(SMALL, override) == [answer]


def words():
    return st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=8)


def plain_values():
    numbers = st.integers(-9999, 9999) | st.floats(allow_nan=False, allow_infinity=False)
    return st.recursive(
        st.none() | st.booleans() | numbers | words(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words(), inner, max_size=3),
        max_leaves=6,
    )


@pytest.mark.parametrize(
    "key",
    [
        "name",
        "data.path",
        "training.seeds",
        "models",
        "models.rnn.layers.0",
        "models.rnn",
        "models.svm.baseline",
        "references",
        "references.paper.models",
    ],
)
@settings(max_examples=25, deadline=None)
@given(value=plain_values())
def test_whatever_a_flag_says_is_taken_or_answered_with_its_place(key, value):
    flag = Override("--set", key, json.dumps(value, ensure_ascii=False))
    try:
        assert isinstance(load(write(SMALL), [flag]), Benchmark)
    except ConfigError as error:
        for answer in str(error).splitlines():
            assert re.match(r"--set: |good\.yaml:\d+: ", answer)


# What a config means.


def test_a_small_config_leaves_everything_else_at_its_default():
    small = load(write(SMALL))
    assert (small.name, small.data, small.training) == ("small", Data(), Training())
    assert small.references == {}


@pytest.mark.parametrize("section", ["data", "training"])
def test_an_empty_section_is_the_default(section):
    assert load(write(f"{section}:\n{SMALL}")) == load(write(SMALL))


def test_numbers_and_words_are_those_of_yaml_1_2():
    text = f"training: {{epochs: 09, learning_rate: 1e-3}}\nname: no\n{MODELS}"
    benchmark = load(write(text))
    assert (benchmark.training.epochs, benchmark.training.learning_rate) == (9, 0.001)
    assert benchmark.name == "no"


def test_a_model_may_be_named_by_a_number():
    assert list(load(write(SMALL.replace("rnn:", "010:", 1))).models) == ["010"]


def test_aliases_repeat_what_they_name():
    benchmark = load(write(f"{SMALL}  twin: *rnn\n".replace("rnn:", "rnn: &rnn", 1)))
    assert benchmark.models["twin"] == benchmark.models["rnn"]


@pytest.mark.parametrize(
    "written", ["tfidf_linear_svm", "{tfidf_linear_svm: }", "{tfidf_linear_svm: {max_ngram: 2}}"]
)
def test_a_model_may_be_a_baseline_whose_parameters_may_be_left_out(written):
    models = load(write(f"{SMALL}  svm: {{baseline: {written}}}\n")).models
    assert models["svm"] == BaselineModel(baseline=TfidfLinearSVM(max_ngram=2, C=1.0))
    assert isinstance(models["rnn"], Network)


@pytest.mark.parametrize("tie", ["dataset", "split"])
def test_a_reference_is_tied_to_a_dataset_or_to_a_split(tie):
    models = '{"a b (2019)": {accuracy: 0.5}}'
    text = f"references: {{paper: {{source: x, {tie}: {FINGERPRINT}, models: {models}}}}}\n{SMALL}"
    reference = load(write(text)).references["paper"]
    assert getattr(reference, tie) == "5" * 64
    assert {reference.dataset, reference.split} == {None, "5" * 64}
    assert (reference.training, reference.models["a b (2019)"].params) == (None, None)


# Flags.


def test_a_file_beats_what_it_extends_and_a_flag_beats_the_file():
    write("training: {epochs: 3, batch_size: 3, seeds: 3}\n", "base.yaml")
    file = write(f"extends: base.yaml\ntraining: {{epochs: 4, batch_size: 4}}\n{SMALL}")
    training = load(file, [Override("--epochs", "training.epochs", "5")]).training
    assert (training.epochs, training.batch_size, training.seeds) == (5, 4, (0, 1, 2))


def test_of_two_flags_the_last_wins():
    first, second = Override("--epochs", "training.epochs", "5"), setting("training.epochs", "6")
    assert load(write(SMALL), [first, second]).training.epochs == 6
    assert load(write(SMALL), [second, first]).training.epochs == 5


def test_a_flag_mends_what_the_file_gets_wrong():
    file = write(f"training: {{epochs: ten}}\n{SMALL}")
    assert load(file, [setting("training.epochs", "5")]).training.epochs == 5


def test_a_flag_without_a_value_means_none():
    file = write(f"data: {{maxlen: 50}}\n{SMALL}")
    assert load(file, [setting("data.maxlen", "")]).data.maxlen is None


def test_a_flag_reaches_into_a_list_by_position():
    flag = setting("models.rnn.layers.0.simple_rnn.units", "7")
    layers = load(write(SMALL), [flag]).models["rnn"].layers
    assert [layer.units for layer in layers] == [7, "topics"]


def test_a_flag_reaches_the_parameters_of_a_baseline_of_which_only_the_kind_is_named():
    file = write(f"{SMALL}  svm: {{baseline: tfidf_linear_svm}}\n")
    flag = setting("models.svm.baseline.tfidf_linear_svm.C", "0.5")
    assert load(file, [flag]).models["svm"].baseline == TfidfLinearSVM(C=0.5)


def test_a_flag_reaches_a_model_that_is_named_by_a_number():
    flag = setting("models.010.layers.0.simple_rnn.units", "7")
    benchmark = load(write(SMALL.replace("rnn:", "010:", 1)), [flag])
    assert benchmark.models["010"].layers[0].units == 7


def test_the_data_path_of_a_flag_is_relative_to_the_working_folder():
    file = write(f"data: {{path: corpus}}\n{SMALL}", "configs/a.yaml")
    assert load(file, [Override("--path", "data.path", "corpus")]).data.path == Path("corpus")


# Models by name, and data without models.


def test_select_keeps_the_order_of_the_config():
    benchmark = load(CONFIGS / "all.yaml")
    chosen = select(benchmark, ["lstm", "vanilla_rnn"], "--models")
    assert list(chosen.models) == ["vanilla_rnn", "lstm"]
    assert chosen.training == benchmark.training


@pytest.mark.parametrize(
    ("names", "answers"),
    [
        (["RNN", "rnn"], ["--models: no model 'RNN' (allowed: rnn; did you mean 'rnn'?)"]),
        (["a", "b"], [f"--models: no model '{name}' (allowed: rnn)" for name in "ab"]),
        ([], ["--models: names no model (allowed: rnn)"]),
    ],
)
def test_select_answers_with_the_models_there_are(names, answers):
    with pytest.raises(ConfigError) as caught:
        select(load(write(SMALL)), names, "--models")
    assert str(caught.value).splitlines() == answers


def test_data_without_a_config_are_the_default():
    assert load_data(None) == Data()


def test_data_of_a_config():
    assert load_data(write(f"data: {{maxlen: 50}}\n{SMALL}")) == Data(maxlen=50)


def test_data_of_flags():
    data = load_data(None, [Override("--data", "data.source", "r8")])
    assert data == Data(source="r8")


@pytest.mark.parametrize(
    ("override", "answer"),
    [
        (setting("data.sede", "3"), f"data.sede: unknown key ({DATA_KEYS}; did you mean 'seed'?)"),
        (setting("training.epochs", "3"), "training: unknown key (allowed: data)"),
    ],
)
def test_wrong_data_of_flags(override, answer):
    with pytest.raises(ConfigError) as caught:
        load_data(None, [override])
    assert str(caught.value) == f"{override.flag}: {answer}"
