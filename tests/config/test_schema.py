"""The typed benchmark: its defaults, values in several forms, and models."""

import pytest
from pydantic import ValidationError

from rnnbench.config.schema import Benchmark
from rnnbench.data.dataset import Data
from rnnbench.models.baselines import TfidfLinearSVM
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, Network, PythonNetwork
from rnnbench.training.settings import Training

LAYERS = [{"simple_rnn": {"units": 2}}, {"dense": {"units": "topics", "activation": "softmax"}}]
COUNTED = {"analyzer": "word", "min_ngram": 1, "max_ngram": 3, "min_df": 1, "char_ngrams": None}
SVM = {"baseline": {"tfidf_linear_svm": COUNTED | {"sublinear_tf": False, "C": 0.5}}}
OWN = {"python": "my.nets:make", "arguments": {"units": 8, "rates": [0.1, None]}}
MODELS = {"rnn": {"layers": LAYERS}, "svm": SVM, "own": OWN}


def test_defaults_are_those_of_keras_and_one_seed_of_adam():
    data, training = Data(), Training()
    assert (data.source, data.path, data.split) == ("auto", None, "auto")
    assert (data.num_words, data.maxlen, data.test_split, data.seed) == (None, None, 0.2, 113)
    assert (data.pad_length, data.padding, data.truncating) == (None, "pre", "pre")
    assert (training.epochs, training.batch_size, training.engine) == (10, 32, "auto")
    assert (training.optimizer, training.learning_rate) == ("adam", 0.001)
    assert (training.seeds, training.validation_split) == ((0,), 0)
    with pytest.raises(ValidationError, match="frozen"):
        training.epochs = 3


def test_seeds_are_ten_thousand_at_most():
    assert Training(seeds=10_000).seeds == Training(seeds=list(range(10_000))).seeds
    with pytest.raises(ValidationError, match=r"got 10,001 seeds \(allowed: at most 10,000\)"):
        Training(seeds=list(range(10_001)))


def test_the_keys_of_a_model_tell_its_kind():
    found = Benchmark(name="small", models=MODELS).models
    assert {name: type(model) for name, model in found.items()} == {
        "rnn": LayeredNetwork,
        "svm": BaselineModel,
        "own": PythonNetwork,
    }
    assert [name for name, model in found.items() if isinstance(model, Network)] == ["rnn", "own"]
    assert found["svm"] == BaselineModel(baseline=TfidfLinearSVM(max_ngram=3, C=0.5))
    assert found["own"] == PythonNetwork(**OWN)
    assert found["rnn"].inputs == "ids"
    dumped = Benchmark(name="small", models=MODELS).model_dump(mode="json")["models"]
    assert (dumped["svm"], dumped["own"]) == (SVM, OWN)
