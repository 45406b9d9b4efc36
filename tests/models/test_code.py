"""The versions of code from outside."""

import hashlib
import sys

import pytest
from factories import SOFTMAX, trial
from plugin_files import MAKE, write_module, write_nearest, write_scale
from stacks import EMBEDDING, MEAN, STACKS, network, parallel

from rnnbench.errors import UserError
from rnnbench.models.code import code_of, plugins_of
from rnnbench.models.descriptions import BaselineModel, PythonNetwork


def code(python):
    return code_of(PythonNetwork(python=python))


def test_a_model_of_built_in_parts_has_no_code_from_outside():
    models = network(STACKS["recurrent"]), BaselineModel(baseline="stratified")
    assert [code_of(model) for model in models] == [{}, {}]


def test_a_layer_from_outside_is_found_inside_others(install, tmp_path):
    install(write_scale(tmp_path))
    inside = network([EMBEDDING, parallel([parallel([{"scale": {}}])]), MEAN])

    assert code_of(inside) == code_of(network([EMBEDDING, {"scale": {}}, MEAN])) != {}
    assert plugins_of(inside) == ["made-up"]


@pytest.mark.parametrize("name", ["my", "my.nets", "my.deeper", "my.deeper.nets"])
def test_the_version_of_a_function_changes_with_any_file_of_its_package(
    working_folder, name
):
    for module in ("my.nets", "my.deeper.nets", "my.parts", "another"):
        write_module(working_folder, module, MAKE)
    before = code(f"{name}:make")

    write_module(working_folder, "another", "# it is in no package")
    (working_folder / "my" / "notes.txt").write_text("no Python")
    assert code(f"{name}:make") == before

    versions = [before]
    for module in ("my.parts", "my.deeper.nets", "my.new"):
        write_module(working_folder, module, f"# another version of {module}")
        assert code(f"{name}:make") not in versions
        versions.append(code(f"{name}:make"))


def test_the_version_of_a_function_is_the_hash_of_its_modules_file_the_installed_one_if_any(
    install, tmp_path, working_folder
):
    installed = write_module(tmp_path / "site", "nets", MAKE)
    local = write_module(working_folder, "nets", "raise SystemExit('it was run')")

    for file in local, installed:
        assert code("nets:make") == {
            "nets:make": hashlib.sha256(file.read_bytes()).hexdigest()
        }
        install(tmp_path / "site")
    assert "nets" not in sys.modules


@pytest.mark.parametrize(
    "module", ["nowhere", "nowhere.nets", "nets.inner", "nets.", "a..b", "sys", "time"]
)
def test_a_module_that_is_in_no_file_is_the_users_error(working_folder, module):
    write_module(working_folder, "nets", MAKE)

    hint = r"\(should be installed, or in the working folder\)"
    with pytest.raises(
        UserError, match=rf"^python: {module}:make: no module {module} {hint}$"
    ):
        code(f"{module}:make")


def test_a_package_that_fails_is_the_users_error(working_folder):
    write_module(working_folder, "broken.nets", MAKE)
    (working_folder / "broken" / "__init__.py").write_text(
        "raise RuntimeError('out of order')"
    )

    message = "python: broken.nets:make cannot be imported: RuntimeError: out of order"
    with pytest.raises(UserError, match=f"^{message}$"):
        code("broken.nets:make")


PLUGINS = {
    "scale": (write_scale, {"layers": [{"scale": {}}, {"gru": {"units": 2}}, SOFTMAX]}),
    "nearest": (write_nearest, {"baseline": "nearest"}),
}


@pytest.mark.parametrize("kind", PLUGINS)
def test_the_version_of_a_plug_in_has_that_of_its_package_and_changes_the_fingerprint(
    install, tmp_path, kind
):
    write, described = PLUGINS[kind]
    fingerprints = set()
    for number, version in enumerate(("1.2", "1.3", "1.3")):
        install(write(tmp_path / str(number), version=version))
        planned = trial(tmp_path, models={"own": described})
        (file,) = tmp_path.glob(
            f"0/made_up_{'layers' if kind == 'scale' else 'baselines'}.py"
        )
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        assert code_of(planned.model) == {kind: f"made-up {version} {sha256}"}
        fingerprints.add(planned.fingerprint)

    assert len(fingerprints) == 2
