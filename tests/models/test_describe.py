import pytest

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.shape import Shape

SHAPE = Shape(timesteps=5, n_topics=3, n_ids=10)
TOPICS = {"dense": {"units": "topics", "activation": "softmax"}}


@pytest.fixture
def described():
    """Describe a network of these layers on a dataset of ``SHAPE``."""

    def describe_layers(*layers, **settings):
        from rnnbench.models.describe import describe

        network = LayeredNetwork.model_validate({"layers": [*layers, TOPICS], **settings})
        return describe(network, SHAPE)

    return describe_layers


def test_layers_are_told_from_word_ids_to_topics(described):
    layers = described({"embedding": {"dim": 4}}, {"gru": {"units": 2}}).layers

    assert [each.keras_class for each in layers] == ["InputLayer", "Embedding", "GRU", "Dense"]
    assert [each.outputs for each in layers] == [
        ((None, 5),),
        ((None, 5, 4),),
        ((None, 2),),
        ((None, 3),),
    ]


def test_a_layer_knows_what_it_was_made_from(described):
    layers = described({"lstm": {"units": 2}}).layers

    kinds = [each.described_by and each.described_by.kind for each in layers]

    assert [each.keras_class for each in layers[1:3]] == ["Reshape", "Rescaling"]
    assert kinds == [None, None, None, "lstm", "dense"]


def test_parameters_are_those_of_the_keras_model(described):
    found = described({"embedding": {"dim": 4}}, {"simple_rnn": {"units": 2}})

    assert [each.trainable_params for each in found.layers] == [0, 40, 14, 9]
    assert (found.trainable_params, found.other_params) == (63, 0)


def test_what_is_not_trained_is_counted_apart(described):
    found = described({"embedding": {"dim": 4, "trainable": False}}, {"gru": {"units": 2}})

    embedding = found.layers[1]

    assert (embedding.trainable_params, embedding.other_params) == (0, 40)
    assert found.other_params == 40


@pytest.mark.parametrize(
    ("kind", "names"),
    [("simple_rnn", ["hidden"]), ("gru", ["hidden"]), ("lstm", ["hidden", "cell"])],
)
def test_a_recurrent_layer_tells_its_states(described, kind, names):
    states = described({kind: {"units": 2}}).layers[3].states

    assert [(state.name, state.shape, state.direction) for state in states] == [
        (name, (None, 2), None) for name in names
    ]


def test_a_bidirectional_layer_tells_the_states_of_both_directions(described):
    states = described({"bidirectional": {"layer": {"lstm": {"units": 2}}}}).layers[3].states

    assert [(state.direction, state.name) for state in states] == [
        ("forwards", "hidden"),
        ("forwards", "cell"),
        ("backwards", "hidden"),
        ("backwards", "cell"),
    ]


def test_a_mask_is_no_input(described):
    layers = described({"embedding": {"dim": 4, "masking": True}}, {"gru": {"units": 2}}).layers

    assert [each.inputs for each in layers] == [(), ("input_layer",), ("embedding",), ("gru",)]


def test_names_do_not_depend_on_what_was_described_before(described):
    first, second = (described({"gru": {"units": 2}}) for _ in range(2))

    assert first == second


def test_a_model_with_branches_tells_where_each_layer_reads_from():
    import keras

    from rnnbench.models.describe import describe_model

    ids = keras.Input((5,), dtype="int32", name="ids")
    words = keras.layers.Embedding(10, 4, name="words")(ids)
    every, last = keras.layers.GRU(2, return_sequences=True, return_state=True, name="gru")(words)
    most = keras.layers.GlobalMaxPooling1D(name="most")(every)
    topics = keras.layers.Dense(3, name="topics")(keras.layers.concatenate([most, last]))

    layers = {each.name: each for each in describe_model(keras.Model(ids, topics)).layers}

    assert layers["gru"].outputs == ((None, 5, 2), (None, 2))
    assert layers["concatenate"].inputs == ("most", "gru")
    assert layers["topics"].inputs == ("concatenate",)
    assert layers["topics"].trainable_params == 15


def test_cells_of_other_kinds_number_their_states():
    import keras

    from rnnbench.models.describe import describe_model

    cells = [keras.layers.LSTMCell(2), keras.layers.GRUCell(3)]
    model = keras.Sequential([keras.Input((5, 1)), keras.layers.RNN(cells)])

    states = describe_model(model).layers[1].states

    assert [(state.name, state.shape) for state in states] == [
        ("state 1", (None, 2)),
        ("state 2", (None, 2)),
        ("state 3", (None, 3)),
    ]
