import json
import re
import subprocess
import sys

import pytest
from rich.console import Console

from rnnbench.cli import console
from rnnbench.config.document import compose, construct
from rnnbench.config.load import load
from rnnbench.config.schema import Benchmark, Published, Reference
from rnnbench.config.starter import starter
from rnnbench.data.settings import Data
from rnnbench.models.baselines import BASELINES
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, PythonNetwork
from rnnbench.models.layers import LAYERS
from rnnbench.training.recipe import Training

LSTM = "{layers: [lstm: {units: 2}, dense: {units: topics, activation: softmax}]}"
FINE = f"name: a\nmodels:\n  m: {LSTM}\n"
WRONG = f"name: a b\ntraining:\n  epohcs: 3\nmodels:\n  m: {LSTM}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working folder, the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", ["check", "show", "new"])
def test_help_has_an_example(cli, command):
    assert f"rnnbench config {command}" in " ".join(cli("config", command, "--help").output.split())


def test_a_config_that_is_fine_is_counted(cli, folder):
    (folder / "a.yaml").write_text(FINE)

    result = cli("config", "check", "a.yaml")

    assert result.exit_code == 0
    assert result.stdout == "a.yaml: fine, 1 model, 1 trial\n"


def test_a_baseline_that_no_seed_changes_is_one_trial(cli, folder):
    baselines = "  always: {baseline: most_frequent}\n  by_chance: {baseline: stratified}\n"
    (folder / "a.yaml").write_text(f"{FINE}{baselines}training: {{seeds: 5}}\n")

    assert "a.yaml: fine, 3 models, 11 trials" in cli("config", "check", "a.yaml").stdout


def test_every_problem_is_told_with_its_line(cli, folder):
    (folder / "a.yaml").write_text(WRONG)

    result = cli("config", "check", "a.yaml")

    assert result.exit_code == 2
    assert "a.yaml:1: name: got 'a b'" in result.stderr
    assert "a.yaml:3: training.epohcs: unknown key" in result.stderr
    assert "did you mean 'epochs'?" in result.stderr
    assert result.stdout == ""


def test_one_wrong_config_does_not_hide_the_others(cli, folder):
    (folder / "wrong.yaml").write_text(WRONG)
    (folder / "fine.yaml").write_text(FINE)

    result = cli("config", "check", "nowhere.yaml", "wrong.yaml", "fine.yaml")

    assert result.exit_code == 2
    assert "nowhere.yaml: no such file" in result.stderr
    assert "wrong.yaml:1: " in result.stderr
    assert "fine.yaml: fine" in result.stdout


def test_what_is_wrong_in_a_base_is_told_of_the_base(cli, folder):
    (folder / "base.yaml").write_text("training: {epochs: none}\n")
    (folder / "a.yaml").write_text(f"extends: base.yaml\n{FINE}")

    assert "base.yaml:1: training.epochs: " in cli("config", "check", "a.yaml").stderr


def test_checks_as_json(cli, folder):
    (folder / "wrong.yaml").write_text(WRONG)
    (folder / "fine.yaml").write_text(FINE)

    result = cli("config", "check", "wrong.yaml", "fine.yaml", "--json")
    wrong, fine = json.loads(result.stdout)["files"]

    assert result.exit_code == 2
    assert (wrong["file"], wrong["is_fine"], wrong["models"]) == ("wrong.yaml", False, None)
    assert [problem["where"] for problem in wrong["problems"]] == ["wrong.yaml:1", "wrong.yaml:3"]
    assert wrong["problems"][1]["key"] == "training.epohcs"
    assert fine == {
        "file": "fine.yaml",
        "is_fine": True,
        "name": "a",
        "models": 1,
        "trials": 1,
        "problems": [],
    }


@pytest.mark.parametrize("command", [["check", "a.yaml"], ["show", "a.yaml"], ["new"]])
def test_configs_are_handled_without_anything_heavy(folder, command):
    (folder / "a.yaml").write_text(FINE)
    code = (
        f"import sys; sys.argv = ['rnnbench', 'config', *{command}]\n"
        "from rnnbench.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )

    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("name", ["all", "baselines", "gru", "smoke", "stacked_vanilla_rnn"])
def test_what_is_shown_is_a_config_of_the_same_benchmark(cli, folder, repository, name):
    config = repository / "configs" / f"{name}.yaml"
    (folder / "elsewhere").mkdir()

    (folder / "elsewhere/a.yaml").write_text(cli("config", "show", config).stdout)

    assert load(folder / "elsewhere/a.yaml") == load(config)


def test_a_file_of_the_data_is_found_from_wherever_the_shown_config_lies(cli, folder):
    (folder / "configs").mkdir()
    (folder / "configs/a.yaml").write_text(f"{FINE}data: {{path: ../reuters.npz}}\n")

    (folder / "shown.yaml").write_text(cli("config", "show", "configs/a.yaml").stdout)

    assert load(folder / "shown.yaml").data.path == folder / "reuters.npz"


def test_arguments_of_a_function_are_shown_as_they_are(cli, folder):
    arguments = {"n": None, "x": float("inf"), "tiny": 1e-9, "text": "01", "on": True, "é": [None]}
    spelled = "{n: null, x: .inf, tiny: 1e-9, text: '01', 'on': true, é: [null]}"
    (folder / "a.yaml").write_text(
        f"name: a\nmodels: {{m: {{python: 'b:c', arguments: {spelled}}}}}\n"
    )

    (folder / "shown.yaml").write_text(cli("config", "show", "a.yaml").stdout)

    assert load(folder / "shown.yaml").models["m"].arguments == arguments


def test_what_is_set_is_shown(cli, folder):
    (folder / "a.yaml").write_text(FINE)

    shown = cli("config", "show", "a.yaml", "--set", "training.seeds=[3, 7]")

    assert construct(compose(shown.stdout, "shown"))["training"]["seeds"] == [3, 7]


def test_what_cannot_be_set_is_the_users_error(cli, folder):
    (folder / "a.yaml").write_text(FINE)

    result = cli("config", "show", "a.yaml", "--set", "training.epohcs=3")

    assert result.exit_code == 2
    assert "--set training.epohcs=3: training.epohcs: unknown key" in result.stderr


def test_a_terminal_has_the_same_text_in_colours(cli, folder, monkeypatch):
    (folder / "a.yaml").write_text(FINE)
    plain = cli("config", "show", "a.yaml").stdout
    terminal = Console(force_terminal=True, color_system="standard", width=20)
    monkeypatch.setattr(console, "out", terminal)

    coloured = cli("config", "show", "a.yaml").stdout

    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_a_new_config_is_named_after_its_file_and_has_no_problems(cli, folder):
    result = cli("config", "new", "my first.yaml")

    assert result.exit_code == 0
    assert load(folder / "my first.yaml").name == "my_first"
    assert cli("config", "check", "my first.yaml").stdout.endswith("fine, 2 models, 4 trials\n")


@pytest.mark.parametrize("name", ["a.b", "123", "true", "_", "é", "x" * 120, "name: starter"])
def test_whatever_the_name_a_new_config_has_no_problems(folder, name):
    (folder / "a.yaml").write_text(starter(name))

    load(folder / "a.yaml")


def test_a_new_config_shows_an_embedding_with_a_gru_and_a_baseline(folder):
    (folder / "a.yaml").write_text(starter())

    network, baseline = load(folder / "a.yaml").models.values()

    assert [layer.kind for layer in network.layers] == ["embedding", "gru", "dense"]
    assert isinstance(baseline, BaselineModel)


def test_without_a_file_a_new_config_is_printed(cli, folder):
    assert cli("config", "new").stdout == starter()
    assert not list(folder.iterdir())


def test_a_config_is_overwritten_only_by_force(cli, folder):
    (folder / "a.yaml").write_text(FINE)

    refused = cli("config", "new", "a.yaml")

    assert refused.exit_code == 2
    assert "a.yaml: exists already (--force overwrites it)" in refused.stderr
    assert (folder / "a.yaml").read_text() == FINE
    assert cli("config", "new", "a.yaml", "--force").exit_code == 0
    assert (folder / "a.yaml").read_text() == starter("a")


def test_a_config_that_cannot_be_written_is_the_users_error(cli, folder):
    (folder / "a.yaml").mkdir()

    result = cli("config", "new", "a.yaml", "--force")

    assert result.exit_code == 2
    assert "a.yaml: cannot be written: " in result.stderr


def test_all_that_a_new_config_has_switched_off_can_be_switched_on(folder):
    (folder / "other.yaml").write_text("training: {epochs: 3}\n")
    (folder / "a.yaml").write_text(_switched_on())

    assert list(load(folder / "a.yaml").models) == ["gru", "naive_bayes", "mine"]


def test_a_new_config_names_every_key_there_is():
    sections = (
        *(Benchmark, Data, Training, LayeredNetwork, PythonNetwork, BaselineModel),
        *(Reference, Published),
    )

    named = set(_keys(construct(compose(_switched_on(), "starter"))))

    assert {key for section in sections for key in section.model_fields} <= named
    assert "extends" in named


def test_a_new_config_lists_every_kind_of_layer_with_its_defaults():
    listed = _comments(r"^#   ( *(?!rnnbench).+)$")

    assert {kind: parameters for item in listed for kind, parameters in item.items()} == {
        kind: _defaults(layer) for kind, layer in LAYERS.items()
    }


def test_a_new_config_lists_every_baseline_with_its_defaults():
    assert _comments(r"^  #   (.+)$") == {
        kind: _defaults(baseline) for kind, baseline in BASELINES.items()
    }


def test_a_new_config_fits_a_terminal():
    assert max(map(len, starter().splitlines())) <= 80


def _switched_on():
    """Return the starter with every option that is switched off switched on."""
    return re.sub(r"^( *)#(?=\S)", r"\1", starter(), flags=re.MULTILINE)


def _comments(pattern):
    """Return what lines of comments hold as YAML."""
    lines = re.findall(pattern, starter(), flags=re.MULTILINE)
    return construct(compose("\n".join(lines), "comments"))


def _defaults(section):
    fields = section.model_fields.items()
    return {key: "N" if field.is_required() else field.default for key, field in fields}


def _keys(tree):
    """Yield every key of a tree of mappings and lists."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield key
        if isinstance(value, dict | list):
            yield from _keys(value)
