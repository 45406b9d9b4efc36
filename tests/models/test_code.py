"""What tells one version of the code from outside from another."""

import hashlib
import sys

import pytest
from factories import SOFTMAX, trial
from plugin_files import MAKE, write_module, write_scale
from stacks import STACKS, network

from rnnbench.errors import UserError
from rnnbench.models.code import code_of
from rnnbench.models.descriptions import BaselineModel, PythonNetwork


def code(python):
    return code_of(PythonNetwork(python=python))


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_a_model_of_our_own_layers_has_no_code_from_outside(stack):
    assert code_of(network(stack)) == {}


def test_a_baseline_has_none():
    assert code_of(BaselineModel(baseline="tfidf_linear_svm")) == {}


def test_that_of_a_function_is_the_hash_of_its_modules_file(working_folder):
    file = write_module(working_folder, "nets", MAKE)

    assert code("nets:make") == {"nets:make": hashlib.sha256(file.read_bytes()).hexdigest()}


@pytest.mark.parametrize("name", ["my", "my.nets", "my.deeper", "my.deeper.nets"])
def test_that_of_a_function_in_a_package_changes_with_any_file_of_the_package(working_folder, name):
    for module in ("my.nets", "my.deeper.nets", "my.parts", "another"):
        write_module(working_folder, module, MAKE)
    before = code(f"{name}:make")

    write_module(working_folder, "another", "# it is in no package")
    (working_folder / "my" / "notes.txt").write_text("no Python")
    assert code(f"{name}:make") == before

    found = [before]
    for module in ("my.parts", "my.deeper.nets", "my.new"):
        write_module(working_folder, module, f"# another version of {module}")
        assert code(f"{name}:make") not in found
        found.append(code(f"{name}:make"))


def test_it_changes_with_the_file(working_folder):
    file = write_module(working_folder, "nets", MAKE)
    before = code("nets:make")

    file.write_text(file.read_text() + "\n# another version\n")

    assert code("nets:make") != before


def test_the_module_is_not_run(working_folder):
    write_module(working_folder, "side_effect", "raise SystemExit('it was run')")

    assert code("side_effect:make")
    assert "side_effect" not in sys.modules


@pytest.mark.usefixtures("working_folder")
def test_a_module_that_is_installed_is_found_too(install, tmp_path):
    write_module(tmp_path / "site", "installed_nets", MAKE)
    install(tmp_path / "site")

    assert code("installed_nets:make")


def test_a_module_in_the_working_folder_does_not_stand_before_one_that_is_installed(
    install, tmp_path, working_folder
):
    installed = write_module(tmp_path / "site", "nets", MAKE)
    write_module(working_folder, "nets", "# another of the same name")
    install(tmp_path / "site")

    sha256 = hashlib.sha256(installed.read_bytes()).hexdigest()
    assert code("nets:make") == {"nets:make": sha256}


@pytest.mark.parametrize(
    "module", ["nowhere", "nowhere.nets", "nets.inner", "nets.", "a..b", "sys", "time", "__main__"]
)
def test_a_module_that_is_in_no_file_is_the_users_error(working_folder, module):
    write_module(working_folder, "nets", MAKE)

    with pytest.raises(UserError) as caught:
        code(f"{module}:make")

    assert str(caught.value) == (
        f"python: {module}:make: no module {module} (should be installed, or in the working folder)"
    )


def test_a_package_that_fails_is_the_users_error(working_folder):
    write_module(working_folder, "broken.nets", MAKE)
    (working_folder / "broken" / "__init__.py").write_text("raise RuntimeError('out of order')")

    with pytest.raises(
        UserError,
        match=r"^python: broken\.nets:make cannot be imported: RuntimeError: out of order$",
    ):
        code("broken.nets:make")


STACK = [{"embedding": {"dim": 2}}, {"scale": {}}, {"pooling": {"by": "max"}}]


def test_that_of_a_layer_from_outside_is_version_and_hash_of_its_package(install, tmp_path):
    install(write_scale(tmp_path, name="made-up", version="1.2"))
    file = tmp_path / "made_up_layers.py"

    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert code_of(network(STACK)) == {"scale": f"made-up 1.2 {sha256}"}
    file.write_text(file.read_text() + "\n# edited where it is installed\n")
    assert code_of(network(STACK))["scale"] != f"made-up 1.2 {sha256}"


def test_layers_from_outside_that_a_model_does_not_use_are_left_out(install, tmp_path):
    install(write_scale(tmp_path))

    assert code_of(network([STACK[0], STACK[2]])) == {}


OWN = {"own": {"python": "nets:make", "arguments": {"units": 2}}}


def test_the_fingerprint_of_a_trial_changes_with_the_file_and_with_the_arguments(working_folder):
    file = write_module(working_folder, "nets", MAKE)
    other = {"own": {"python": "nets:make", "arguments": {"units": 3}}}
    before = trial(working_folder, models=OWN).fingerprint

    assert trial(working_folder, models=OWN).fingerprint == before
    assert trial(working_folder, models=other).fingerprint != before
    file.write_text(file.read_text() + "\n# another version\n")
    assert trial(working_folder, models=OWN).fingerprint != before


def test_the_fingerprint_of_a_trial_changes_with_the_version_of_a_package(install, tmp_path):
    fingerprints = set()
    for version in ("1.2", "1.3", "1.3"):
        folder = write_scale(tmp_path / f"{version}-{len(fingerprints)}", version=version)
        install(folder)
        layers = [{"scale": {}}, {"gru": {"units": 2}}, SOFTMAX]
        fingerprints.add(trial(tmp_path, models={"rnn": {"layers": layers}}).fingerprint)

    assert len(fingerprints) == 2
