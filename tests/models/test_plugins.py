"""Models and layers from outside: what fits is taken as it is, and what does not is named."""

import sys

import keras
import numpy as np
import pytest
from plugin_files import MAKE, write_distribution, write_module, write_scale
from stacks import network

from rnnbench.models.build import build, predict
from rnnbench.models.descriptions import BaselineModel, PythonNetwork
from rnnbench.models.plugins import PluginError, call_function, import_code
from rnnbench.models.saved import load, to_bytes
from rnnbench.models.shape import Shape

SHAPE = Shape(timesteps=5, n_topics=3, n_ids=12)
IDS = np.arange(10, dtype=np.int32).reshape(2, 5)


def call(folder, source, **arguments):
    """Return the model that ``make`` of a module in the working folder makes."""
    write_module(folder, "nets", source)
    return call_function("nets:make", arguments, SHAPE)


def test_a_function_is_given_the_shape_and_its_arguments_and_its_model_is_taken(working_folder):
    write_module(working_folder, "my.nets", MAKE)
    described = PythonNetwork(python="my.nets:make", arguments={"units": 7, "mask_zero": True})

    model = build(described, SHAPE)

    embedding = model.layers[0]
    assert (embedding.input_dim, embedding.output_dim, embedding.mask_zero) == (12, 7, True)
    assert predict(model, IDS).shape == (2, 3)


def test_a_class_will_do_where_calling_it_gives_a_model(working_folder):
    model = call(
        working_folder,
        """
        import keras


        class make(keras.Sequential):
            def __init__(self, shape):
                ids = keras.Input((shape.timesteps,), dtype="int32")
                super().__init__([ids, keras.layers.Dense(shape.n_topics, "softmax")])
        """,
    )

    assert model.output_shape == (None, 3)


def test_a_functional_model_fits_too(working_folder):
    model = call(
        working_folder,
        """
        import keras


        def make(shape):
            ids = keras.Input((shape.timesteps,), dtype="int32")
            vectors = keras.layers.Embedding(shape.n_ids, 4)(ids)
            both = [keras.layers.GRU(2)(vectors), keras.layers.GlobalMaxPooling1D()(vectors)]
            scores = keras.layers.Concatenate()(both)
            return keras.Model(ids, keras.layers.Dense(shape.n_topics, "softmax")(scores))
        """,
    )

    assert predict(model, IDS).shape == (2, 3)


@pytest.mark.parametrize("source", ["make = 3", ""], ids=["no function", "nothing there"])
def test_no_line_of_the_import_system_is_named_for_one_of_the_users(working_folder, source):
    with pytest.raises(PluginError) as caught:
        call(working_folder, source)

    assert "line" not in str(caught.value)


FAILS = "raise RuntimeError('out of order')"


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("absent:make", "", "cannot be imported: ModuleNotFoundError: No module named 'absent'"),
        ("lacks:make", "", "cannot be imported: AttributeError: .*no attribute 'make'"),
        ("lacks.inner:make", "", "cannot be imported: ModuleNotFoundError: .*not a package"),
        ("syntax:make", "def make(:", "cannot be imported: SyntaxError: "),
        ("broken:make", FAILS, "cannot be imported: RuntimeError: out of order"),
        ("script:make", "raise SystemExit(0)", "cannot be imported: SystemExit: 0"),
        ("no_function:make", "make = 3", "failed: TypeError: 'int' object is not callable"),
        ("fails:make", f"def make(shape): {FAILS}", "failed: RuntimeError: out of order"),
        ("takes_nothing:make", "def make(): ...", "failed: TypeError: .*0 positional arguments"),
        (
            "takes_more:make",
            "def make(shape, units): ...",
            "failed: TypeError: .*missing 1 required .*'units'",
        ),
        (
            "compiled:make",
            f"""{MAKE}
    made = make


    def make(shape):
        model = made(shape)
        model.compile("sgd")
        return model
""",
            "returned a compiled model",
        ),
        ("nothing:make", "def make(shape): ...", "returned NoneType, not a keras.Model"),
        (
            "a_layer:make",
            "import keras\ndef make(shape): return keras.layers.Dense(3)",
            "returned Dense, not a keras.Model",
        ),
    ],
)
def test_a_function_that_cannot_be_had_fails_or_gives_no_model_is_named(
    working_folder, name, source, message
):
    if name != "absent:make":
        write_module(working_folder, name.partition(":")[0].partition(".")[0], source)

    with pytest.raises(PluginError, match=f"^python: {name} {message}"):
        call_function(name, {}, SHAPE)


def sequential(inputs, outputs):
    layers = f"[keras.Input({inputs}), keras.layers.Dense({outputs})]"
    return f"import keras\ndef make(shape): return keras.Sequential({layers})"


MISFIT = r"should be from \(None, 5\), word ids, to \(None, 3\), a probability a topic"
UNKNOWN_INPUTS = "a model that is neither sequential nor functional, with known inputs"
OF_SOMEBODYS_OWN = """
    import keras


    class Own(keras.Model):
        def call(self, ids):
            return keras.ops.zeros((len(ids), 3))


    def make(shape):
        return Own()
"""
TWO_OUTPUTS = """
    import keras


    def make(shape):
        ids = keras.Input((shape.timesteps,))
        return keras.Model(ids, [keras.layers.Dense(3)(ids), keras.layers.Dense(3)(ids)])
"""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (sequential("(5,)", 4), rf"a model from \(None, 5\) to \(None, 4\) \({MISFIT}\)"),
        (sequential("(6,)", 3), rf"a model from \(None, 6\) to \(None, 3\) \({MISFIT}\)"),
        (sequential("(5, 1)", 3), rf"a model from \(None, 5, 1\) to \(None, 5, 3\) \({MISFIT}\)"),
        (TWO_OUTPUTS, rf"a model from \(None, 5\) to \[.*\] \({MISFIT}\)"),
        (
            sequential("(5,)", 3),
            r"a model that gives no probabilities \(should end in a softmax\)",
        ),
        (
            "import keras\ndef make(shape): return keras.Sequential([keras.layers.Dense(3)])",
            UNKNOWN_INPUTS,
        ),
        (OF_SOMEBODYS_OWN, UNKNOWN_INPUTS),
    ],
    ids=[
        "topics",
        "timesteps",
        "a sequence",
        "two outputs",
        "no softmax",
        "not built",
        "of a class of its own",
    ],
)
def test_a_model_that_does_not_fit_is_named_with_what_would(working_folder, source, message):
    with pytest.raises(PluginError, match=f"^python: nets:make returned {message}$"):
        call(working_folder, source)


SCALED = [{"embedding": {"dim": 4}}, {"scale": {"start": 2.0}}, {"pooling": {"by": "mean"}}]


def test_a_layer_of_another_package_is_part_of_the_model(install, tmp_path):
    install(write_scale(tmp_path))

    model = build(network(SCALED), SHAPE)

    embedding, scale = model.layers[:2]
    scaled = keras.Model(model.inputs[0], scale.output)(IDS)
    np.testing.assert_allclose(scaled, 2 * embedding.get_weights()[0][IDS], rtol=1e-6)
    assert scale.get_config()["start"] == 2.0


def test_a_model_with_such_a_layer_is_loaded_where_its_code_was_imported(install, tmp_path):
    install(write_scale(tmp_path / "site"))
    described = network(SCALED)
    model = build(described, SHAPE)
    file = tmp_path / "model.keras"
    file.write_bytes(to_bytes(model))

    import_code(described)

    np.testing.assert_array_equal(predict(load(file), IDS), predict(model, IDS))


LAYER = """
    from rnnbench.models.layers import PluginLayer


    class Own(PluginLayer):
        kind = "own"

        def make(self):
            {body}
"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (FAILS, "failed: RuntimeError: out of order"),
        ("import not_there", "failed: ModuleNotFoundError: No module named 'not_there'"),
        ("return None", "made NoneType, not a keras.Layer"),
        ("import keras; return keras.layers.Dense", "made .*, not a keras.Layer"),
        ("return super().make()", "failed: NotImplementedError"),
    ],
    ids=["fails", "cannot import", "nothing", "a class", "not written"],
)
def test_a_layer_that_cannot_be_made_is_named(install, tmp_path, body, message):
    modules = {"own_layers": LAYER.format(body=body)}
    install(write_distribution(tmp_path, {"own": "own_layers:Own"}, modules))
    described = network([{"embedding": {"dim": 4}}, {"own": {}}, {"pooling": {"by": "mean"}}])

    with pytest.raises(PluginError, match=f"^layer own {message}"):
        build(described, SHAPE)


def test_a_layer_from_outside_that_takes_word_ids_is_given_word_ids(install, tmp_path):
    source = """
        from rnnbench.models.layers import PluginLayer


        class Own(PluginLayer):
            kind = "own"
            takes = "ids"

            def make(self):
                import keras

                return keras.layers.Embedding(12, 3)
    """
    install(write_distribution(tmp_path, {"own": "own_ids:Own"}, {"own_ids": source}))

    model = build(network([{"own": {}}, {"gru": {"units": 2}}]), SHAPE)

    assert [type(layer).__name__ for layer in model.layers] == ["Embedding", "GRU", "Dense"]
    assert predict(model, IDS).shape == (2, 3)


def test_code_is_imported_of_what_comes_from_outside_and_of_nothing_else(working_folder):
    write_module(working_folder, "imported_for_its_layers", MAKE)

    import_code(network([{"gru": {"units": 2}}]))
    import_code(BaselineModel(baseline="stratified"))
    assert "imported_for_its_layers" not in sys.modules

    import_code(PythonNetwork(python="imported_for_its_layers:make"))
    assert "imported_for_its_layers" in sys.modules


@pytest.mark.usefixtures("working_folder")
def test_code_that_is_gone_is_named():
    with pytest.raises(PluginError, match=r"^python: gone:make cannot be imported: ModuleNotFound"):
        import_code(PythonNetwork(python="gone:make"))
