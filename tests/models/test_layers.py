"""The kinds of layers, and the stacks that fit together."""

import keras
import pytest
from factories import SOFTMAX
from hypothesis import given
from hypothesis import strategies as st
from plugin_files import write_distribution, write_scale
from pydantic import ValidationError
from pydantic_core import PydanticCustomError
from stacks import EMBEDDING, TRANSFORMER, UNMASKED, parallel

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import LAYERS, parse_layer, parse_layers
from rnnbench.models.layers.feedforward import Conv1D, Dense, LayerNorm
from rnnbench.models.layers.recurrent import GRU, LSTM, SimpleRNN
from rnnbench.models.seeds import derive_seed

VECTOR = {"gru": {"units": 2}}
SEQUENCE = {"gru": {"units": 2, "return_sequences": True}}
DENSE = {"dense": {"units": 3}}
DROPOUT = {"dropout": {"rate": 0.5}}
BAG = {"bag_of_words": {"values": "tfidf"}}
CONV = {"conv1d": {"filters": 3, "kernel_size": 2}}
POOLING = {"pooling": {"by": "max"}}
SPATIAL = {"spatial_dropout": {"rate": 0.5}}
NORM = {"layer_norm": {}}
BOTH_WAYS = {"bidirectional": {"layer": VECTOR}}
BOTH_WAYS_STEP_BY_STEP = {"bidirectional": {"layer": SEQUENCE, "merge_mode": "sum"}}

NGRAMS = {"ngram_embedding": {"dim": 4}}
SCAN = {"min_gru": {"units": 2}}

NEED_A_SEQUENCE = [
    SEQUENCE,
    VECTOR,
    BOTH_WAYS,
    BOTH_WAYS_STEP_BY_STEP,
    CONV,
    POOLING,
    SPATIAL,
]
NEED_A_SEQUENCE += [SCAN, {"positions": {}}, TRANSFORMER]
ANY = [EMBEDDING, UNMASKED, NGRAMS, BAG, *NEED_A_SEQUENCE, DENSE, DROPOUT, NORM]
ANY += [parallel([CONV, POOLING], [VECTOR])]


def fits(*layers):
    return [layer.kind for layer in parse_layers(layers)] == [
        kind for (kind,) in layers
    ]


def misfits(*layers):
    """Return (position, first words of the message) of each error."""
    with pytest.raises(ValidationError) as caught:
        parse_layers(layers)
    return [
        (item["loc"][0], " ".join(item["msg"].split()[:3]))
        for item in caught.value.errors()
    ]


@pytest.mark.parametrize("described", [*ANY, SOFTMAX], ids=str)
def test_a_layer_is_its_kind_and_its_parameters_and_is_dumped_with_every_default(
    described,
):
    layer = parse_layer(described)

    ((kind, parameters),) = described.items()
    dumped = layer.model_dump()[kind]
    assert type(layer) is LAYERS[kind]
    assert all(
        dumped[key] == parameters[key]
        for key in parameters.keys() - {"layer", "branches"}
    )
    assert parse_layer(layer.model_dump()) == layer
    assert parse_layer(layer) is layer


def test_the_defaults_are_those_of_keras_but_a_convolution_keeps_the_length():
    layers = (
        *(kind(units=5) for kind in (SimpleRNN, GRU, LSTM, Dense)),
        Conv1D(filters=3, kernel_size=2),
        LayerNorm(),
    )
    for layer in layers:
        fields = type(layer).model_fields.items()
        required = {
            name: dict(layer)[name] for name, field in fields if field.is_required()
        }
        stock = (
            getattr(keras.layers, layer.keras_name.removeprefix("Masked"))(
                **required
            ).get_config()
            | required
        )
        ours = {"padding": "same"} if type(layer) is Conv1D else {"weight_drop": 0.0}
        assert dict(layer).items() <= (stock | ours).items()


NEEDED = "needs a sequence,"
TOOK_IDS = "takes word ids,"


def test_every_misfit_is_told_but_the_layer_after_a_wrong_one_is_not_blamed():
    misfitting = misfits(VECTOR, DENSE, SEQUENCE, VECTOR, VECTOR)
    assert misfitting == [(2, NEEDED), (4, NEEDED), (4, "the last layer")]
    assert misfits(VECTOR, {"lstn": {}}, VECTOR, SOFTMAX) == [
        (1, "unknown layer 'lstn'")
    ]


def test_the_last_layer_gives_a_probability_for_each_topic_of_a_document():
    assert fits(VECTOR, SOFTMAX)
    for before in (SEQUENCE, EMBEDDING, CONV, DENSE):
        assert misfits(before, SOFTMAX) == [(1, "gives an answer")]
    of_topics = {"units": "topics"}
    of_46 = {"units": 46, "activation": "softmax"}
    for last in ({"dense": of_topics}, {"dense": of_46}, DROPOUT):
        assert misfits(VECTOR, last) == [(1, "the last layer")]


def test_a_layer_alone_is_no_language_model(monkeypatch):
    monkeypatch.setattr(Dense, "makes_vector", True)

    with pytest.raises(ValidationError, match="no language model"):
        LayeredNetwork(layers=[SOFTMAX], pretrain="language_model")


def test_an_embedding_or_a_bag_of_words_comes_first_and_nothing_else_takes_word_ids():
    assert fits(EMBEDDING, VECTOR, SOFTMAX)
    misfitting = misfits(DROPOUT, EMBEDDING, EMBEDDING, POOLING, SOFTMAX)
    assert misfitting == [(1, TOOK_IDS), (2, TOOK_IDS)]
    assert misfits(EMBEDDING, BAG, SOFTMAX) == [(1, TOOK_IDS)]
    takes_ids = [kind for kind, layer in LAYERS.items() if layer.takes == "ids"]
    assert takes_ids == ["embedding", "ngram_embedding", "bag_of_words"]


def test_a_layer_that_works_across_steps_needs_a_sequence_and_others_take_vectors_too():
    for before in (VECTOR, BOTH_WAYS, POOLING, BAG):
        for layer in NEED_A_SEQUENCE:
            assert (1, NEEDED) in misfits(before, layer, SOFTMAX)
    for layer in (DENSE, DROPOUT, NORM):
        assert fits(layer, VECTOR, layer, SOFTMAX)
        assert fits(EMBEDDING, layer, POOLING, layer, SOFTMAX)


def places_of_misfits(*layers):
    """Return the place of each error below the layer in the middle, and its first
    words.
    """
    with pytest.raises(ValidationError) as caught:
        parse_layers([EMBEDDING, *layers, SOFTMAX])
    problems = [(item["loc"], item["msg"]) for item in caught.value.errors()]
    assert {place[:3] for place, _ in problems} == {(1, "parallel", "branches")}
    return [(place[3:], " ".join(words.split()[:2])) for place, words in problems]


def test_layers_side_by_side_fit_if_each_branch_does():
    assert fits(
        EMBEDDING,
        parallel([CONV, POOLING], [SEQUENCE, VECTOR], [POOLING, DENSE]),
        SOFTMAX,
    )
    assert fits(
        EMBEDDING, parallel([CONV], [DENSE], [parallel([SEQUENCE])]), POOLING, SOFTMAX
    )
    assert fits(VECTOR, parallel([DENSE], [DROPOUT]), SOFTMAX)


def test_a_branch_that_does_not_fit_is_told():
    misfitting = misfits(VECTOR, parallel([DENSE], [CONV]), SOFTMAX)
    assert misfitting == [(1, NEEDED)]
    assert misfits(EMBEDDING, parallel([CONV], [DENSE]), SOFTMAX) == [
        (2, "gives an answer")
    ]
    assert misfits(EMBEDDING, parallel([POOLING], [VECTOR]), CONV, POOLING, SOFTMAX)[
        0
    ] == (
        2,
        NEEDED,
    )


def test_a_misfit_in_a_branch_is_told_at_its_place():
    valid = {"conv1d": {"filters": 3, "kernel_size": 2, "padding": "valid"}}
    branches = (
        [POOLING, DENSE, CONV],
        [VECTOR],
        [EMBEDDING, parallel([POOLING, VECTOR])],
    )

    assert places_of_misfits(parallel(*branches)) == [
        ((0, 2, "conv1d"), "needs a"),
        ((2, 0, "embedding"), "takes word"),
        ((2, 1, "parallel", "branches", 0, 1, "gru"), "needs a"),
    ]
    for others in ([POOLING], [DENSE], [valid, valid], [valid, VECTOR]):
        assert places_of_misfits(parallel([valid], others)) == [((), "give outputs")]
    wrong = parallel([CONV, {"gru": {"unit": 2}}], [{"lstn": {}}], [], 3)
    assert places_of_misfits(wrong) == [
        ((0, 1, "gru", "unit"), "unknown key"),
        ((1, 0), "unknown layer"),
        ((2,), "should be"),
        ((3,), "should be"),
    ]


SCALE = {"scale": {"start": 2.0}}
OWN = {"own": {}}


# Kinds of layers that other packages bring


def test_a_layer_of_another_package_is_one_like_ours(install, tmp_path):
    install(write_scale(tmp_path))

    layer = parse_layer(SCALE)

    assert (layer.kind, layer.start) == ("scale", 2.0)
    assert parse_layer({"scale": {}}).model_dump() == {"scale": {"start": 1.0}}
    assert fits(EMBEDDING, SCALE, POOLING, SCALE, SOFTMAX)
    assert layer.in_short() == "scale"
    assert layer.settings() == {"start": 2.0}
    with pytest.raises(PydanticCustomError, match=r"scale; did you mean 'scale'\?"):
        parse_layer({"scal": {}})
    with pytest.raises(
        ValidationError, match=r"unknown key \(allowed: start; did you mean"
    ):
        parse_layer({"scale": {"strat": 2.0}})


def test_it_declares_its_inputs_and_outputs(install, tmp_path):
    source = """
        from rnnbench.models.layers import Layer


        class Own(Layer):
            kind = "own"
            takes = "sequence"

            @property
            def gives_topics(self):
                return True

            def gives_sequence(self, *, from_sequence):
                return False
    """
    install(
        write_distribution(tmp_path, {"own": "own_layers:Own"}, {"own_layers": source})
    )

    assert fits(UNMASKED, OWN, SOFTMAX)
    assert fits(UNMASKED, OWN)
    assert misfits(VECTOR, OWN, SOFTMAX) == [(1, NEEDED)]
    assert misfits(OWN, VECTOR, SOFTMAX) == [(1, NEEDED)]


def test_one_that_cannot_be_used_is_named_beside_other_problems_of_a_stack(
    install, tmp_path
):
    install(
        write_distribution(
            tmp_path, {"own": "own_layers:Own"}, {"own_layers": "Own = 3"}
        )
    )

    with pytest.raises(ValidationError) as caught:
        parse_layers([OWN, {"lstn": {}}, SOFTMAX])

    ours, other = caught.value.errors()
    assert ours["loc"] == (0,)
    assert ours["msg"] == (
        "layer 'own' of the package made-up: own_layers:Own is not a subclass of "
        "rnnbench.models.layers.base.Layer"
    )
    assert other["msg"].startswith("unknown layer 'lstn'")


places = st.tuples(
    st.integers(0, 2**70),
    st.integers(0, 99),
    st.sampled_from(["kernel", "dropout", "x", "xx", ""]),
)


@given(one=places, other=places)
def test_each_place_has_a_seed_of_its_own_that_keras_takes(one, other):
    assert 0 <= derive_seed(*one) < 2**31
    assert (derive_seed(*one) == derive_seed(*other)) == (one == other)


def test_seeds_never_change_for_that_would_change_all_results():
    assert derive_seed(0, 0, "kernel") == 1284679834
    assert derive_seed(7, 2, "forward dropout") == 1293499687
