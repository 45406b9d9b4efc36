"""The layers a model can be made of, and which stacks of them fit together."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugin_files import write_distribution, write_scale
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from rnnbench.models.layers import (
    GRU,
    LAYERS,
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    LayerNorm,
    Pooling,
    SimpleRNN,
    SpatialDropout,
    layer_kinds,
    parse_layer,
    parse_layers,
)

SOFTMAX = {"dense": {"units": "topics", "activation": "softmax"}}
VECTOR = {"gru": {"units": 2}}
SEQUENCE = {"gru": {"units": 2, "return_sequences": True}}
DENSE = {"dense": {"units": 3}}
DROPOUT = {"dropout": {"rate": 0.5}}
EMBEDDING = {"embedding": {"dim": 3}}
MASKED = {"embedding": {"dim": 3, "masking": True}}
CONV = {"conv1d": {"filters": 3, "kernel_size": 2}}
POOLING = {"pooling": {"by": "max"}}
SPATIAL = {"spatial_dropout": {"rate": 0.5}}
NORM = {"layer_norm": {}}
BOTH_WAYS = {"bidirectional": {"layer": VECTOR}}
BOTH_WAYS_STEP_BY_STEP = {"bidirectional": {"layer": SEQUENCE}}


def fits(*layers):
    kinds = [kind for layer in layers for kind in layer]
    return [layer.kind for layer in parse_layers(layers)] == kinds


def misfits(*layers):
    """Return (position, first words of the message) of everything that is wrong."""
    with pytest.raises(ValidationError) as caught:
        parse_layers(layers)
    return [(item["loc"][0], " ".join(item["msg"].split()[:3])) for item in caught.value.errors()]


@pytest.mark.parametrize(
    ("described", "layer"),
    [
        ({"simple_rnn": {"units": 5}}, SimpleRNN(units=5)),
        ({"gru": {"units": 5, "reset_after": False}}, GRU(units=5, reset_after=False)),
        ({"lstm": {"units": 5, "activation": "relu"}}, LSTM(units=5, activation="relu")),
        (SOFTMAX, Dense(units="topics", activation="softmax")),
        (DROPOUT, Dropout(rate=0.5)),
        (MASKED, Embedding(dim=3, masking=True)),
        (
            {"bidirectional": {"layer": {"gru": {"units": 2}}, "merge_mode": "sum"}},
            Bidirectional(layer=GRU(units=2), merge_mode="sum"),
        ),
        (CONV, Conv1D(filters=3, kernel_size=2)),
        ({"pooling": {"by": "attention"}}, Pooling(by="attention")),
        (SPATIAL, SpatialDropout(rate=0.5)),
        (NORM, LayerNorm()),
    ],
)
def test_a_layer_is_its_kind_and_its_parameters_and_is_dumped_so(described, layer):
    assert parse_layer(described) == layer
    assert parse_layer(layer.model_dump()) == layer


def test_the_kinds_are_named_as_in_keras():
    assert {kind: layer.keras_name for kind, layer in LAYERS.items()} == {
        "embedding": "Embedding",
        "simple_rnn": "SimpleRNN",
        "gru": "GRU",
        "lstm": "LSTM",
        "bidirectional": "Bidirectional",
        "conv1d": "Conv1D",
        "pooling": "Pooling",  # ours
        "dense": "Dense",
        "dropout": "Dropout",
        "spatial_dropout": "SpatialDropout1D",
        "layer_norm": "LayerNormalization",
    }


def test_the_defaults_are_those_of_keras():
    recurrent = {
        "units": 5,
        "activation": "tanh",
        "return_sequences": False,
        "dropout": 0.0,
        "recurrent_dropout": 0.0,
    }
    gates = {"recurrent_activation": "sigmoid"}
    assert SimpleRNN(units=5).model_dump() == {"simple_rnn": recurrent}
    assert GRU(units=5).model_dump() == {"gru": recurrent | gates | {"reset_after": True}}
    assert LSTM(units=5).model_dump() == {"lstm": recurrent | gates | {"unit_forget_bias": True}}
    assert Dense(units=5).model_dump() == {"dense": {"units": 5, "activation": "linear"}}
    assert Embedding(dim=5).model_dump() == {
        "embedding": {"dim": 5, "trainable": True, "masking": False}
        | {"embeddings_initializer": "uniform"}
    }
    assert Bidirectional(layer=SimpleRNN(units=5)).model_dump() == {
        "bidirectional": {"layer": {"simple_rnn": recurrent}, "merge_mode": "concat"}
    }
    assert LayerNorm().model_dump() == {"layer_norm": {"epsilon": 0.001}}


def test_a_convolution_keeps_the_length_unless_it_is_said_otherwise():
    assert Conv1D(filters=3, kernel_size=2).model_dump() == {
        "conv1d": {"filters": 3, "kernel_size": 2, "padding": "same", "activation": "linear"}
    }


def test_a_layer_that_is_one_already_stays():
    layer = LSTM(units=5)
    assert parse_layer(layer) is layer


@pytest.mark.parametrize("described", ["lstm", {}, VECTOR | SOFTMAX])
def test_nothing_else_is_a_layer(described):
    with pytest.raises(PydanticCustomError, match=r"a layer is written as `- lstm: \{units: 50\}`"):
        parse_layer(described)


@pytest.mark.parametrize("rate", [-0.1, 1, float("nan"), True])
def test_a_rate_is_a_share_below_one(rate):
    with pytest.raises(ValidationError):
        Dropout(rate=rate)


@pytest.mark.parametrize("units", [0, 1.0, "5", True])
def test_units_are_counted(units):
    with pytest.raises(ValidationError):
        Dense(units=units)
    with pytest.raises(ValidationError):
        LSTM(units=units)


def test_dense_and_dropout_keep_what_they_are_given():
    assert fits(SEQUENCE, DENSE, DROPOUT, VECTOR, DENSE, DROPOUT, SOFTMAX)


def test_words_may_be_changed_one_by_one_before_the_first_recurrent_layer():
    assert fits(DENSE, DROPOUT, VECTOR, SOFTMAX)


@given(returned=st.lists(st.booleans(), max_size=5))
def test_recurrent_layers_fit_where_all_but_the_last_hand_their_sequence_on(returned):
    stack = [{"lstm": {"units": 2, "return_sequences": flag}} for flag in returned]
    *between, last = returned or [True]
    if all(between) and not last:
        assert fits(*stack, SOFTMAX)
    else:
        assert misfits(*stack, SOFTMAX)


def test_a_recurrent_layer_needs_a_sequence():
    assert misfits(VECTOR, DENSE, SEQUENCE, VECTOR, SOFTMAX) == [(2, "needs a sequence,")]


def test_every_misfit_is_told():
    assert misfits(VECTOR, VECTOR, VECTOR) == [
        (1, "needs a sequence,"),
        (2, "needs a sequence,"),
        (2, "the last layer"),
    ]


def test_the_layer_after_a_wrong_one_is_not_blamed():
    assert misfits(VECTOR, {"lstn": {}}, VECTOR, SOFTMAX) == [(1, "unknown layer 'lstn'")]
    assert misfits(VECTOR, {"lstn": {}}, SOFTMAX) == [(1, "unknown layer 'lstn'")]


def test_a_wrong_last_layer_is_told_once():
    assert misfits(VECTOR, {"dense": {"units": "topic"}}) == [(1, "got 'topic' (allowed:")]


@pytest.mark.parametrize(
    "last",
    [
        VECTOR,
        DENSE,
        DROPOUT,
        {"dense": {"units": "topics"}},
        {"dense": SOFTMAX["dense"] | {"units": 46}},
    ],
)
def test_the_last_layer_gives_a_probability_a_topic(last):
    assert (1, "the last layer") in misfits(SEQUENCE, last)


def test_there_is_one_answer_a_wire():
    assert misfits(SEQUENCE, SOFTMAX) == [(1, "gives an answer")]


def test_an_embedding_comes_first_and_nothing_else_takes_word_ids():
    assert fits(EMBEDDING, VECTOR, SOFTMAX)
    assert misfits(VECTOR, EMBEDDING, SOFTMAX) == [(1, "takes word ids,")]
    assert misfits(DROPOUT, EMBEDDING, EMBEDDING, POOLING, SOFTMAX) == [
        (1, "takes word ids,"),
        (2, "takes word ids,"),
    ]
    assert [kind for kind, layer in LAYERS.items() if layer.takes == "ids"] == ["embedding"]


def test_an_embedding_alone_gives_a_vector_a_step():
    assert misfits(EMBEDDING, SOFTMAX) == [(1, "gives an answer")]


@pytest.mark.parametrize(
    "layer", [VECTOR, BOTH_WAYS, CONV, POOLING, SPATIAL], ids=lambda layer: next(iter(layer))
)
@pytest.mark.parametrize(
    "before", [VECTOR, BOTH_WAYS, POOLING], ids=lambda layer: next(iter(layer))
)
def test_what_works_step_by_step_needs_a_sequence(before, layer):
    assert (1, "needs a sequence,") in misfits(before, layer, SOFTMAX)


@pytest.mark.parametrize("layer", [DENSE, DROPOUT, NORM], ids=lambda layer: next(iter(layer)))
def test_others_take_a_vector_a_wire_as_well_as_one_a_step(layer):
    assert fits(EMBEDDING, layer, POOLING, layer, SOFTMAX)


def test_every_kind_of_layer_says_what_it_takes_and_hands_on():
    assert {kind: (layer.takes, layer.hands_mask_on) for kind, layer in LAYERS.items()} == {
        "embedding": ("ids", True),
        "simple_rnn": ("sequence", True),
        "gru": ("sequence", True),
        "lstm": ("sequence", True),
        "bidirectional": ("sequence", True),
        "conv1d": ("sequence", False),
        "pooling": ("sequence", True),
        "dense": ("anything", True),
        "dropout": ("anything", True),
        "spatial_dropout": ("sequence", True),
        "layer_norm": ("anything", True),
    }


@pytest.mark.parametrize(
    ("described", "from_sequence", "from_vector"),
    [
        (EMBEDDING, True, None),
        (SEQUENCE, True, None),
        (VECTOR, False, None),
        (BOTH_WAYS_STEP_BY_STEP, True, None),
        (BOTH_WAYS, False, None),
        (CONV, True, None),
        (POOLING, False, None),
        (DENSE, True, False),
        (DROPOUT, True, False),
        (SPATIAL, True, None),
        (NORM, True, False),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_layer_knows_whether_it_gives_a_sequence(described, from_sequence, from_vector):
    layer = parse_layer(described)

    assert layer.gives_sequence(from_sequence=True) is from_sequence
    if from_vector is not None:
        assert layer.gives_sequence(from_sequence=False) is from_vector


@pytest.mark.parametrize("between", [[], [DROPOUT], [DENSE, NORM], [SEQUENCE]])
def test_a_convolution_would_end_masking(between):
    assert fits(EMBEDDING, *between, CONV, POOLING, SOFTMAX)
    assert misfits(MASKED, *between, CONV, POOLING, SOFTMAX) == [
        (1 + len(between), "does not know")
    ]


def test_where_no_steps_are_left_there_is_nothing_to_mask():
    assert fits(MASKED, DROPOUT, BOTH_WAYS_STEP_BY_STEP, NORM, SPATIAL, POOLING, DENSE, SOFTMAX)
    assert misfits(MASKED, VECTOR, CONV, SOFTMAX) == [(2, "needs a sequence,")]


def test_a_layer_within_a_bidirectional_one_is_recurrent():
    for inner in (DENSE, BOTH_WAYS, "gru", None):
        with pytest.raises(ValidationError, match="recurrent layer"):
            parse_layer({"bidirectional": {"layer": inner}})
    with pytest.raises(ValidationError):
        Bidirectional(layer=Dense(units=3))


RECURRENT = [SEQUENCE, VECTOR, BOTH_WAYS, BOTH_WAYS_STEP_BY_STEP]
ANY = [EMBEDDING, MASKED, *RECURRENT, CONV, POOLING, DENSE, DROPOUT, SPATIAL, NORM]


@given(stack=st.lists(st.sampled_from(ANY), max_size=5))
def test_in_a_stack_that_fits_each_layer_gets_what_it_takes_and_else_it_is_told_where(stack):
    try:
        layers = parse_layers([*stack, SOFTMAX])
    except ValidationError as error:
        wrong = error.errors()
    else:
        wrong = []
        check_that_it_fits(layers)

    assert {item["loc"][0] for item in wrong} <= set(range(len(stack) + 1))
    assert all("(" in item["msg"] for item in wrong), "it is said what is allowed"


def check_that_it_fits(layers):
    is_sequence, is_masked = True, False
    for position, layer in enumerate(layers):
        assert layer.takes != "ids" or position == 0
        assert layer.takes != "sequence" or is_sequence
        assert layer.hands_mask_on or not is_masked
        is_sequence = layer.gives_sequence(from_sequence=is_sequence)
        is_masked = is_sequence and (is_masked or getattr(layer, "masking", False))
    assert not is_sequence


@pytest.mark.parametrize("layers", [[], VECTOR])
def test_a_model_has_layers(layers):
    with pytest.raises(PydanticCustomError, match="no list of layers"):
        parse_layers(layers)


def bring(install, tmp_path, place, source):
    """Install a distribution that brings the layer ``own`` from a module."""
    install(write_distribution(tmp_path, {"own": place}, {place.partition(":")[0]: source}))


SCALE = {"scale": {"start": 2.0}}


class TestPlugins:
    """Kinds of layers that other packages bring."""

    def test_a_layer_of_another_package_is_one_like_ours(self, install, tmp_path):
        install(write_scale(tmp_path))

        layer = parse_layer(SCALE)

        assert (layer.kind, layer.start) == ("scale", 2.0)
        assert parse_layer({"scale": {}}).model_dump() == {"scale": {"start": 1.0}}
        assert parse_layer(layer.model_dump()) == layer
        assert fits(EMBEDDING, SCALE, POOLING, SCALE, SOFTMAX)

    def test_its_parameters_are_checked(self, install, tmp_path):
        install(write_scale(tmp_path))

        with pytest.raises(ValidationError, match=r"unknown key \(allowed: start; did you mean"):
            parse_layer({"scale": {"strat": 2.0}})
        with pytest.raises(ValidationError, match=r"got 'two' \(should be a valid number"):
            parse_layer({"scale": {"start": "two"}})

    def test_it_is_among_the_kinds_that_are_named_to_one_who_misspells_it(self, install, tmp_path):
        install(write_scale(tmp_path))

        assert list(layer_kinds()) == [*LAYERS, "scale"]
        assert len(layer_kinds()) == len(LAYERS) + 1
        with pytest.raises(PydanticCustomError, match=r"scale; did you mean 'scale'\?"):
            parse_layer({"scal": {}})

    def test_it_is_not_loaded_before_it_is_used(self, install, tmp_path):
        bring(install, tmp_path, "dear_module:Own", "raise RuntimeError('too early')")

        assert fits(VECTOR, SOFTMAX)
        assert "own" in list(layer_kinds())
        assert "dear_module" not in sys.modules

    def test_what_it_takes_is_heeded(self, install, tmp_path):
        source = """
            from rnnbench.models.layers import PluginLayer


            class Own(PluginLayer):
                kind = "own"
                takes = "sequence"
                hands_mask_on = False

                def gives_sequence(self, *, from_sequence):
                    return False
        """
        bring(install, tmp_path, "seq_module:Own", source)
        own = {"own": {}}

        assert fits(EMBEDDING, own, SOFTMAX)
        assert misfits(VECTOR, own, SOFTMAX) == [(1, "needs a sequence,")]
        assert misfits(MASKED, own, SOFTMAX) == [(1, "does not know")]
        assert misfits(own, VECTOR, SOFTMAX) == [(1, "needs a sequence,")]

    def test_a_layer_of_ours_cannot_be_replaced(self, install, tmp_path):
        install(write_distribution(tmp_path, {"lstm": "nowhere:Nothing"}, {}))

        assert parse_layer({"lstm": {"units": 3}}) == LSTM(units=3)
        assert list(layer_kinds()) == list(LAYERS)

    @pytest.mark.parametrize(
        ("place", "source", "why"),
        [
            ("no_such_file:Own", None, "ModuleNotFoundError: No module named 'no_such_file'"),
            ("lacks_it:Own", "Other = 3", "AttributeError: .*has no attribute 'Own'"),
            ("fails:Own", "raise RuntimeError('out of order')", "RuntimeError: out of order"),
            ("wrong_syntax:Own", "class Own(:", "SyntaxError: "),
        ],
        ids=["no module", "no class", "fails to import", "syntax error"],
    )
    def test_one_that_cannot_be_loaded_is_named_with_its_place_and_reason(
        self, install, tmp_path, place, source, why
    ):
        modules = {} if source is None else {place.partition(":")[0]: source}
        install(write_distribution(tmp_path, {"own": place}, modules))

        with pytest.raises(
            PydanticCustomError, match=f"^layer 'own' cannot be loaded from {place}: {why}"
        ):
            parse_layer({"own": {}})

    @pytest.mark.parametrize(
        "source",
        [
            "Own = 3",
            "from rnnbench.models.layers import LSTM as Own",
            "from rnnbench.models.layers import PluginLayer as Own",
            "from rnnbench.models.layers import PluginLayer\nclass Own(PluginLayer): units: int",
            "from rnnbench.models.layers import PluginLayer\n"
            "class Own(PluginLayer): kind = 'other'",
        ],
        ids=["no class", "one of ours", "the base class", "without a kind", "of another kind"],
    )
    def test_what_is_no_layer_of_the_kind_is_named_with_its_place(self, install, tmp_path, source):
        bring(install, tmp_path, "wrong_kind:Own", source)

        message = "^layer 'own': wrong_kind:Own is no PluginLayer of this kind$"
        with pytest.raises(PydanticCustomError, match=message):
            parse_layer({"own": {}})

    def test_one_that_is_wrong_is_told_beside_what_else_is_wrong_in_a_stack(
        self, install, tmp_path
    ):
        bring(install, tmp_path, "wrong_thing:Own", "Own = 3")

        assert misfits({"own": {}}, {"lstn": {}}, SOFTMAX) == [
            (0, "layer 'own': wrong_thing:Own"),
            (1, "unknown layer 'lstn'"),
        ]
