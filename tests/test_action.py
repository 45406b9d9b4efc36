"""The action for GitHub workflows: its steps, carried out as a hosted runner carries
them out.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from newswires import tiny_newswires, write_files

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]
TINY = """\
name: tiny
data: {source: sgml, path: sgml, test_split: 0.5}
models:
  bayes: {baseline: multinomial_naive_bayes}
  random: {baseline: stratified}
"""
EVIL = "$(touch evil) `touch evil` ; touch evil #"


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """A hosted runner: a folder with a config, and a Python that has not installed
    rnnbench yet.

    All that rnnbench needs is there, so nothing has to be downloaded.
    """
    folder = tmp_path_factory.mktemp("runner")
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", folder / "python"], check=True
    )
    (packages,) = folder.glob("python/lib/*/site-packages")
    (packages / "of_the_tests.pth").write_text(sysconfig.get_paths()["purelib"])
    (folder / "work").mkdir()
    write_files(folder / "work/sgml", tiny_newswires())
    (folder / "work/tiny.yaml").write_text(TINY)
    (folder / "pip.conf").write_text(
        "[install]\nno-index = true\nno-build-isolation = false\nno-compile = true\n"
    )
    status, log = carry_out(STEPS[1], folder, {}, {})
    assert status == 0, log
    assert (packages / "rnnbench/configs/smoke.yaml").is_file()
    return folder


def carry_out(step, folder, inputs, steps):
    """Run a step with bash, as GitHub does, and return its status and its log."""
    variables = {
        name: value_of(text, inputs, steps)
        for name, text in step.get("env", {}).items()
    }
    path = f"{folder / 'python/bin'}{os.pathsep}{os.environ['PATH']}"
    of_runner = {
        "PATH": path,
        "HOME": str(folder),
        "RNNBENCH_CACHE": str(folder / "cache"),
        "PIP_CONFIG_FILE": str(folder / "pip.conf"),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }
    script = folder / "step.sh"
    script.write_text(step["run"])
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],  # noqa: S607
        cwd=folder / "work",
        env=of_runner | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def value_of(text, inputs, steps):
    """Return a text with the values of its expressions."""

    def value(match):
        place, *keys = match[1].split(".")
        if place == "inputs":
            return inputs[keys[0]]
        assert (place, keys[1]) == ("steps", "outputs")
        return steps.get(keys[0], {}).get(keys[2], "")

    return re.sub(r"\$\{\{ (\S+) \}\}", value, text)


def is_wanted(step, inputs):
    """Return whether a step is carried out; the only condition is that an input is
    given.
    """
    (name,) = re.findall(r"^\$\{\{ inputs\.(\S+) != '' \}\}$", step["if"])
    return inputs[name] != ""


@pytest.fixture
def act(runner):
    """Use the action in a job that has installed it; return what came of it."""

    def run(**changes):
        inputs = {
            name: declared["default"] for name, declared in ACTION["inputs"].items()
        }
        inputs |= {name.replace("_", "-"): value for name, value in changes.items()}
        for name in ("output", "summary"):
            (runner / name).write_text("")
        steps = {}
        logs = []
        status = 0
        for step in STEPS[2:]:
            if status == 0 and ("if" not in step or is_wanted(step, inputs)):
                status, log = carry_out(step, runner, inputs, steps)
                logs.append(log)
                lines = (runner / "output").read_text().splitlines()
                steps[step.get("id")] = dict(line.split("=", 1) for line in lines)
        outputs = {
            name: value_of(declared["value"], inputs, steps)
            for name, declared in ACTION["outputs"].items()
        }
        summary = (runner / "summary").read_text()
        return SimpleNamespace(
            status=status, log="".join(logs), summary=summary, outputs=outputs
        )

    return run


def test_no_input_becomes_part_of_a_script():
    first, *others = STEPS

    assert first["uses"].startswith("actions/setup-python@")
    assert first["with"] == {"python-version": "${{ inputs.python-version }}"}
    assert [step["name"] for step in others] == ["Install", "Run", "Compare"]
    assert all(step["shell"] == "bash" and "${{" not in step["run"] for step in others)


def test_each_input_is_described():
    text = (ROOT / "action.yml").read_text()
    for declared in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
        assert declared["description"].endswith(".")
    assert [name for name in ACTION["inputs"] if f"inputs.{name} " not in text] == []


def test_the_gates_of_a_run_go_into_the_summary(act, runner):
    first = act(
        config="tiny.yaml",
        out="stored",
        arguments="--models 'bayes,random'\n--seeds 1 --jobs 1",
    )

    assert first.status == 0, first.log
    assert first.summary.startswith(
        "### rnnbench\n\n| model | test accuracy (1 seed) |"
    )
    assert "| bayes | " in first.summary
    assert first.outputs == {"run": "stored", "passed": ""}

    shutil.copytree(
        runner / "work/stored", runner / "work/less"
    )  # nothing is trained again
    less = act(
        config="tiny.yaml",
        out="less",
        arguments="--seeds 1 --models bayes",
        baseline="stored",
        fail_if="accuracy drops 0.5\n\nfit_seconds rises 100000%\n",
    )

    assert less.status == 1
    assert "failed: accuracy drops 0.5: random: B lacks the model\n" in less.log
    assert "### less compared with stored" in less.summary
    assert (
        "| accuracy drops 0.5 | random | failed | B lacks the model |" in less.summary
    )
    assert "| fit_seconds rises 100000% | bayes | passed |" in less.summary
    assert less.outputs == {"run": "less", "passed": "false"}

    (runner / "output").write_text("")
    inputs = {"baseline": "stored", "out": "stored", "fail-if": "accuracy drops 0.5"}
    status, log = carry_out(STEPS[3], runner, inputs, {})
    assert (status, (runner / "output").read_text()) == (0, "passed=true\n")
    assert "passed: accuracy drops 0.5: 2 models\n" in log


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"config": EVIL, "arguments": EVIL}, "unexpected extra argument"),
        (
            {"config": "tiny.yaml", "arguments": "--models 'bayes"},
            "::error title=rnnbench::",
        ),
    ],
    ids=["commands", "quotes"],
)
def test_what_is_written_into_an_input_is_not_carried_out(act, runner, inputs, message):
    job = act(**inputs)

    assert job.status == 2
    assert message in job.log
    assert not (runner / "work/evil").exists()
    assert job.summary == ""


def test_a_gate_that_is_none_is_named(runner):
    (runner / "output").write_text("")

    status, log = carry_out(
        STEPS[3], runner, {"baseline": "a", "out": "b", "fail-if": EVIL}, {}
    )

    assert status == 2
    assert "should be METRIC drops|rises AMOUNT" in log
    assert not (runner / "work/evil").exists()
    assert (runner / "output").read_text() == ""
