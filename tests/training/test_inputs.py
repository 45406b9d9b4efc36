"""The input of a model is that which the first layer of its Keras model gets or gives."""

import keras
import numpy as np
import pytest
from factories import SOFTMAX, benchmark, corpus

from rnnbench.data.dataset import hold_out, make_dataset
from rnnbench.data.settings import Data
from rnnbench.models.build import build
from rnnbench.models.in_numpy import word_weights
from rnnbench.models.layers.base import Shape
from rnnbench.training.inputs import input_of

DATASET = make_dataset(corpus(), Data(test_split=0.5, padding="post", num_words=9))
SEQUENCE = DATASET.x_train[0]
RNN = {"simple_rnn": {"units": 3}}


def model(**described):
    return benchmark(models={"m": described}).models["m"]


@pytest.mark.parametrize("inputs", ["ids", "scaled_ids"])
def test_a_recurrent_layer_is_given_one_number_at_each_step(inputs):
    chosen = model(layers=[RNN, SOFTMAX], inputs=inputs)
    built = build(chosen, Shape.of(DATASET), seed=0)
    first = keras.Model(built.inputs[0], built.layers[-2].input)

    given = input_of(chosen, DATASET, SEQUENCE, 0.0)

    assert given.kind == {"ids": "numbers", "scaled_ids": "scaled_numbers"}[inputs]
    assert given.shape == (DATASET.timesteps, 1)
    expected = np.asarray(first(SEQUENCE[np.newaxis]))[0, :, 0]
    np.testing.assert_allclose(given.values, expected, rtol=1e-6)


def test_an_embedding_and_a_network_of_the_users_own_are_given_ids():
    for masking, kind in ((False, "ids"), (True, "masked_ids")):
        chosen = model(layers=[{"embedding": {"dim": 2, "masking": masking}}, RNN, SOFTMAX])

        given = input_of(chosen, DATASET, SEQUENCE, 0.0)

        assert (given.kind, given.shape) == (kind, SEQUENCE.shape)
        assert given.values == tuple(SEQUENCE.tolist())
    own = input_of(model(python="nets:small"), DATASET, SEQUENCE, 0.0)
    assert (own.kind, own.values) == ("ids", tuple(SEQUENCE.tolist()))


@pytest.mark.parametrize("values", ["tfidf", "shares"])
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_a_bag_of_words_gives_numbers_that_it_learned_without_the_held_out_documents(values, share):
    chosen = model(layers=[{"bag_of_words": {"values": values}}, SOFTMAX])
    built = build(chosen, Shape.of(DATASET), seed=0)
    kept, _ = hold_out(len(DATASET.y_train), share)
    built.layers[0].scale.assign(word_weights(DATASET.x_train[kept], DATASET.n_ids, values))

    given = input_of(chosen, DATASET, SEQUENCE, share)

    expected = np.asarray(built.layers[0](SEQUENCE[np.newaxis]))[0]
    found = np.zeros_like(expected)
    for id_, weight in given.weights:
        found[id_] = weight
    assert (given.kind, given.shape, given.values) == (values, (DATASET.n_ids,), ())
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("analyzer", "text"),
    [
        ("word", " ".join(map(str, SEQUENCE[SEQUENCE > 1]))),
        ("char", " ".join(DATASET.vocabulary[id_ - 4] for id_ in SEQUENCE if id_ > 3)),
    ],
)
def test_a_baseline_is_given_ids_or_words_as_a_text(analyzer, text):
    chosen = model(baseline={"tfidf_linear_svm": {"analyzer": analyzer}})

    given = input_of(chosen, DATASET, SEQUENCE, 0.0)

    assert (given.kind, given.shape, given.values) == ("text", (), (text,))
