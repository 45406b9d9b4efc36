"""The user's own models, and layers and baselines of other packages, through the commands."""

import json

import pytest
from plugin_files import (
    MAKE,
    run_rnnbench,
    write_distribution,
    write_module,
    write_nearest,
    write_scale,
)

from rnnbench.results.run import load_results

CONFIG = """\
name: own
data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}
training: {epochs: 1, batch_size: 4}
models:
  from_python: {python: nets:make, arguments: {units: 2}}
  from_plugin:
    layers:
      - embedding: {dim: 2}
      - scale: {start: 2.0}
      - pooling: {by: mean}
      - dense: {units: topics, activation: softmax}
  from_baseline: {baseline: {nearest: {k: 2}}}
  that_cannot_fit: {baseline: {nearest: {k: 0}}}
  of_nothing: {python: nets:of_nothing}
  that_fails: {python: nets:that_fails}
"""
WORKING = "from_python,from_plugin,from_baseline"
NETS = f"""{MAKE}

    def of_nothing(shape):
        return None


    def that_fails(shape):
        raise LookupError("no weights today")
"""


class Place:
    """A working folder with a config, documents, and the user's own code."""

    def __init__(self, folder, documents):
        self.folder = folder
        (folder / "sgml").mkdir()
        for name, content in documents.items():
            (folder / "sgml" / name).write_bytes(content)
        (folder / "own.yaml").write_text(CONFIG)
        write_module(folder, "nets", NETS)
        self.site = write_scale(folder / "site")
        write_nearest(self.site, name="neighbours")

    def rnnbench(self, *arguments):
        """Run the command in a process of its own."""
        return run_rnnbench(*arguments, site=self.site, cwd=self.folder)

    @property
    def trials(self):
        return sorted(file.stem[:-17] for file in self.folder.glob("results/own/trials/*.json"))


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_sgml):
    return Place(tmp_path_factory.mktemp("own"), tiny_sgml)


@pytest.fixture(scope="module")
def tried(place):
    """A run of all models, some of which fail."""
    return place.rnnbench("run", "own.yaml", "--jobs", "1", "--save-models")


@pytest.fixture(scope="module")
def finished(place, tried):
    """A later run of the models that work."""
    assert tried.returncode == 1
    arguments = ["--models", WORKING, "--jobs", "1", "--save-models"]
    return place.rnnbench("run", "own.yaml", *arguments)


def test_each_model_that_fails_is_named_with_its_reason_and_without_a_traceback(tried):
    assert tried.returncode == 1
    for line in (
        "of_nothing seed 0: failed: python: nets:of_nothing returned NoneType, not a keras.Model",
        "that_fails seed 0: failed: python: nets:that_fails failed: LookupError: no weights today "
        "(nets.py, line ",
        "that_cannot_fit seed 0: failed: baseline 'nearest' of the package neighbours failed: "
        "InvalidParameterError: ",
        "3 of 6 trials failed; results/own/ has the results of the others.",
    ):
        assert tried.stderr.count(line) == 1
    assert "Traceback" not in tried.stderr


def test_the_table_has_the_models_that_work_and_those_that_failed(place, tried):
    for name in WORKING.split(","):
        assert f" {name} " in tried.stdout
    table = (place.folder / "results/own/table.md").read_text()
    assert "| of_nothing | failed: python: nets:of_nothing" in table
    assert "3 of 6 trials are missing: " in " ".join(tried.stdout.split())
    results = load_results(place.folder / "results/own")
    assert set(results.missing_models) == {"of_nothing", "that_fails", "that_cannot_fit"}


def test_the_others_are_trained_stored_and_not_trained_again(place, tried, finished):
    assert finished.returncode == 0, finished.stderr
    assert "3 of 3 trials are stored already and are not trained again" in finished.stderr
    assert len(place.trials) == 3
    for name in WORKING.split(","):
        assert f"{name} seed 0: test accuracy" in tried.stderr
        assert name in finished.stdout


@pytest.mark.parametrize("model", ["from_python", "from_plugin"])
def test_their_saved_models_can_be_used(cli, place, finished, install, model):
    assert finished.returncode == 0
    install(place.site)
    install(place.folder)  # for nets.py; it is the working folder of those who work there

    done = cli("predict", place.folder / "results/own", model, "net profit rose", "--json")

    assert (done.exit_code, done.stderr) == (0, "")
    (found,) = json.loads(done.stdout)["predictions"]
    assert {each["topic"] for each in found["topics"]} == {"earn", "acq"}


def test_a_change_of_the_users_module_makes_another_model_of_it(place, finished):
    assert finished.returncode == 0
    file = place.folder / "nets.py"
    before = file.read_text()
    try:
        file.write_text("def make(shape, units): raise LookupError('it was called again')")
        changed = place.rnnbench("run", "own.yaml", "--models", WORKING, "--jobs", "1")
    finally:
        file.write_text(before)

    assert changed.returncode == 1
    assert "2 of 3 trials are stored already and are not trained again" in changed.stderr
    assert "python: nets:make failed: LookupError: it was called again" in changed.stderr


@pytest.fixture
def here(tmp_path, tiny_sgml, working_folder):
    """The same in the working folder of this process, with nothing trained."""
    assert working_folder == tmp_path
    return Place(tmp_path, tiny_sgml)


def test_a_module_that_is_missing_is_named_before_anything_is_trained(cli, here, install):
    install(here.site)

    done = cli("run", "own.yaml", "--set", "models.of_nothing.python=absent.nets:make")

    assert done.exit_code == 2
    assert done.stderr.endswith(
        "python: absent.nets:make: no module absent.nets (should be installed, or in the working "
        "folder)\n"
    )
    assert here.trials == []


BROKEN = {
    "layer": "own.yaml:9: models.from_plugin.layers.1: layer 'scale' of the package broken",
    "baseline": "own.yaml:12: models.from_baseline.baseline: baseline 'nearest' of the package "
    "broken",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_plug_in_that_cannot_be_used_is_named_and_stops_no_other_command(
    cli, here, install, kind
):
    entries = {"scale" if kind == "layer" else "nearest": "absent:It"}
    broken = {"group": f"rnnbench.{kind}s", "name": "broken"}
    install(write_distribution(here.folder / "broken", entries, {}, **broken))
    (here.folder / "fine.yaml").write_text("name: fine\nmodels: {m: {baseline: stratified}}\n")

    done = cli("run", "own.yaml", "--models", "of_nothing")

    assert done.exit_code == 2
    assert BROKEN[kind] in done.stderr
    assert "ModuleNotFoundError: No module named 'absent'" in done.stderr
    assert not (here.folder / "results").exists()
    assert cli("models", "list", "fine.yaml").exit_code == 0
    assert cli("config", "new", "new.yaml").exit_code == 0


def test_plug_ins_are_listed_shown_and_offered_like_built_in_kinds(cli, here, install):
    install(here.site)
    only = ["--set", "models={own: {baseline: {nearest: {k: 2}}}}"]

    assert "nearest (k: 2)" in cli("models", "list", "own.yaml", *only).stdout
    shown = cli("models", "show", "own.yaml", "own", *only).stdout
    assert "The topic of the nearest texts." in shown
    new = cli("config", "new").stdout
    assert "- scale: {start: 1.0}" in new
    assert "nearest: {k: 1}" in new
    wrong = cli("run", "own.yaml", "--set", "models.from_plugin.layers.1.scale.start=two")
    assert "layers.1.scale.start: got 'two' (should be a valid number" in wrong.stderr
