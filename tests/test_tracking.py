"""The key ``tracking`` of a config, and trackers that cannot be used."""

import sys
from pathlib import Path

import pytest
from factories import SOFTMAX, trial
from plugin_files import write_distribution

from rnnbench.config.load import dump, load
from rnnbench.errors import UserError
from rnnbench.registry import PluginError
from rnnbench.tracking import TRACKERS, check_trackers

CONFIG = {
    "name": "small",
    "models": {"rnn": {"layers": [{"simple_rnn": {"units": 2}}, SOFTMAX]}},
}


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("wandb", ("wandb",)),
        (["tensorboard", "wandb", "tensorboard"], ("tensorboard", "wandb")),
        (("mlflow",), ("mlflow",)),
        ([], ()),
    ],
)
def test_a_config_names_one_tracker_or_several(written, names):
    benchmark = load(CONFIG | {"tracking": written})

    assert benchmark.tracking == names
    assert load(benchmark.model_dump()) == benchmark
    last_line = f"- {names[-1]}" if names else "tracking: []"
    assert dump(benchmark).splitlines()[-1] == last_line


def test_nothing_is_tracked_by_default():
    assert load(CONFIG).tracking == ()


def test_trackers_change_no_fingerprint(tmp_path):
    assert trial(tmp_path, tracking="wandb").fingerprint == trial(tmp_path).fingerprint


@pytest.mark.parametrize(
    ("name", "module", "command"),
    [
        ("tensorboard", "tensorboard", "pip install 'rnnbench[tensorboard]'"),
        ("mlflow", "alembic", "pip install 'rnnbench[mlflow]'"),
        ("wandb", "wandb", "pip install 'rnnbench[wandb]'"),
    ],
)
def test_a_package_that_is_missing_is_named_with_what_installs_it(
    monkeypatch, name, module, command
):
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(UserError) as caught:
        check_trackers([name])

    assert str(caught.value) == f"tracker '{name}' needs {module}: {command}"


def test_a_folder_that_a_tool_left_is_no_package(tmp_path, monkeypatch):
    monkeypatch.setattr(TRACKERS["wandb"], "modules", ("left_behind", "rnnbench"))
    monkeypatch.syspath_prepend(tmp_path)
    Path(tmp_path, "left_behind").mkdir()

    with pytest.raises(UserError, match="needs left_behind: "):
        check_trackers(["wandb"])


def test_a_tracker_that_cannot_be_loaded_is_named_with_its_package(install, tmp_path):
    entries = {"broken": "absent:It"}
    install(write_distribution(tmp_path, entries, {}, group="rnnbench.trackers"))

    with pytest.raises(
        PluginError, match="tracker 'broken' of the package made-up cannot be load"
    ):
        check_trackers(["broken"])


def test_trackers_of_this_package_cannot_be_replaced(install, tmp_path):
    entries = {"a": "absent:It", "mlflow": "absent:It"}
    install(write_distribution(tmp_path, entries, {}, group="rnnbench.trackers"))

    assert list(TRACKERS) == ["mlflow", "tensorboard", "wandb", "a"]
    assert TRACKERS["mlflow"].install == "pip install 'rnnbench[mlflow]'"
    assert TRACKERS.label("mlflow") == "tracker 'mlflow'"
