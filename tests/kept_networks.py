"""Networks with random weights as kept models, for tests of files of these."""

import numpy as np
from numpy.random import default_rng

from rnnbench.data.padding import START
from rnnbench.data.vocabulary import Vocabulary
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.prediction.exports.writing import HARD_TEXTS
from rnnbench.prediction.predict import KeptModel
from rnnbench.tasks import SINGLE_LABEL
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
