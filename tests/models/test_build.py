from pathlib import Path

import numpy as np
import pytest

from rnnbench.config.load import load
from rnnbench.config.schema import Network

ALL = load(Path(__file__).parents[2] / "configs" / "all.yaml")


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("vanilla_rnn", 4_946),
        ("stacked_vanilla_rnn", 9_996),
        ("lstm", 12_746),
        ("stacked_lstm", 32_946),
    ],
)
def test_the_notebooks_models_have_the_notebooks_parameters(name, params):
    from rnnbench.models.build import build

    assert build(ALL.models[name], timesteps=49, n_topics=46).count_params() == params


@pytest.mark.parametrize("kind", ["simple_rnn", "gru", "lstm"])
def test_a_model_maps_one_feature_a_step_to_a_probability_a_topic(kind):
    from rnnbench.models.build import build, features

    model = Network.model_validate(
        {
            "layers": [
                {kind: {"units": 3, "return_sequences": True}},
                {"dropout": {"rate": 0.5}},
                {"dense": {"units": 4, "activation": "relu"}},
                {kind: {"units": 2}},
                {"dense": {"units": "topics", "activation": "softmax"}},
            ]
        }
    )
    ids = np.arange(10, dtype=np.int32).reshape(2, 5)

    probabilities = build(model, timesteps=5, n_topics=7).predict(features(ids), verbose=0)

    assert probabilities.shape == (2, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_parameters_of_a_layer_reach_keras():
    from rnnbench.models.build import build

    model = Network.model_validate(
        {
            "layers": [
                {
                    "gru": {
                        "units": 3,
                        "activation": "relu",
                        "recurrent_activation": "hard_sigmoid",
                        "reset_after": False,
                        "dropout": 0.1,
                        "recurrent_dropout": 0.2,
                    }
                },
                {"dense": {"units": "topics", "activation": "softmax"}},
            ]
        }
    )

    config = build(model, timesteps=5, n_topics=2).layers[0].get_config()

    assert config["activation"] == "relu"
    assert config["recurrent_activation"] == "hard_sigmoid"
    assert config["reset_after"] is False
    assert (config["dropout"], config["recurrent_dropout"]) == (0.1, 0.2)
