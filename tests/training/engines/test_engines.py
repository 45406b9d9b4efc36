"""Which engine trains which model, and an engine that another package brings."""

import json
import subprocess
import sys

import pytest
from factories import benchmark
from newswires import write_files
from plugin_files import example, look_again, run_rnnbench, write_distribution
from pydantic import ValidationError

from rnnbench.errors import UserError
from rnnbench.registry import PluginError
from rnnbench.training.engines import ENGINES
from rnnbench.training.settings import Training, engine_for

NETWORK = benchmark().models["rnn"]
BASELINE = benchmark(models={"svm": {"baseline": "tfidf_linear_svm"}}).models["svm"]


@pytest.mark.parametrize("name", ["native", "keras"])
def test_networks_are_trained_by_the_engine_that_the_config_names(name):
    assert engine_for(NETWORK, Training(engine=name)) is ENGINES[name]


@pytest.mark.parametrize("name", ["native", "keras"])
def test_baselines_are_trained_by_scikit_learn(name):
    assert engine_for(BASELINE, Training(engine=name)) is ENGINES["scikit-learn"]


IMPORTS = """
import sys
from rnnbench.training.engines import ENGINES
from rnnbench.training.settings import Training

Training(engine="keras")
list(ENGINES.values())
print({"tensorflow", "keras", "llvmlite", "sklearn", "scipy"} & set(sys.modules))
ENGINES["keras"].prepare(3)
import tensorflow as tf

gpus = tf.config.list_physical_devices("GPU")
print(tf.config.threading.get_intra_op_parallelism_threads(), gpus)
print({"IPython", "matplotlib", "pandas", "sklearn"} & set(sys.modules))
import sklearn
"""


def test_no_engine_imports_its_library_before_it_is_used_nor_more_than_it_needs():
    command = [sys.executable, "-c", IMPORTS]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["set()", "3 []", "set()"]


SPOILED = """
    import sys

    from made_up_shares import Shares
    from rnnbench.plugin import TrialRecord, TrialResult


    class Spoiled(Shares):
        def __init__(self, name, spoil):
            self.name = name
            self.spoil = spoil

        def fit(self, work):
            assert "tensorflow" not in sys.modules
            return self.spoil(super().fit(work))


    def fail(_):
        raise LookupError("no weights today")


    def be_older(_):
        return TrialRecord(
            engine="older", params=0, score_kind="probabilities", fit_seconds=0.5
        )


    def be_careless(trained):
        return TrialResult(trained.record, trained.labels, trained.scores[:-1])


    def forget(trained):
        return TrialResult(trained.record, trained.labels, -trained.scores)


    failing = Spoiled("failing", fail)
    older = Spoiled("older", be_older)
    careless = Spoiled("careless", be_careless)
    forgetful = Spoiled("forgetful", forget)
"""
ENTRIES = {
    name: f"made_up:{name}" for name in ("careless", "failing", "forgetful", "older")
}
ENTRIES |= {
    "shares": "made_up_shares:SHARES",
    "broken": "not_installed_anywhere:engine",
}
CONFIG = """\
name: own
data: {source: sgml, path: sgml, test_split: 0.5}
training: {engine: shares}
models:
  rnn: {layers: [simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_sgml):
    """A working folder with newswires and a config."""
    folder = tmp_path_factory.mktemp("engines")
    write_files(folder / "sgml", tiny_sgml)
    (folder / "own.yaml").write_text(CONFIG)
    return folder


def install_engines(site, version="1.2"):
    """Write a version of the package; return the folder to put on the path."""
    modules = {"made_up": SPOILED, "made_up_shares": example("engines")}
    return write_distribution(
        site, ENTRIES, modules, group="rnnbench.engines", version=version
    )


def run(folder, config="own.yaml", version="1.2", out="own"):
    site = folder / f"site-{version}"
    if not site.is_dir():
        install_engines(site, version)
    command = ("run", config, "--jobs", "1", "--out", out)
    return run_rnnbench(*command, site=site, cwd=folder)


@pytest.fixture(scope="module")
def trained(folder):
    """The folder of a finished run."""
    done = run(folder)
    assert done.returncode == 0, done.stderr
    return folder / "own"


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_an_engine_of_another_package_trains(trained):
    results = read(trained, "results.json")
    (model,) = results["models"]
    assert results["engine"] == "shares"
    assert model["params"] == len(results["dataset"]["topics"])
    assert read(trained, "environment.json")["versions"]["made-up"] == "1.2"


def test_the_version_of_its_package_is_part_of_the_fingerprint(folder, trained):
    assert run(folder, version="1.3", out="newer").returncode == 0

    fingerprints = set()
    for out in (trained, folder / "newer"):
        (model,) = read(out, "results.json")["models"]
        fingerprints.add(model["trials"][0]["fingerprint"])
    assert len(fingerprints) == 2


FAULTY = {
    "careless": "returned scores of the shape (",
    "forgetful": "returned log-probabilities of up to ",
    "older": "failed: ValidationError: score_kind: Input should be ",
    "failing": "failed: LookupError: no weights",
}


def test_an_engine_that_fails_is_named(folder):
    layers = "[simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]"
    models = [
        f"  {name}: {{layers: {layers}, training: {{engine: {name}}}}}\n"
        for name in FAULTY
    ]
    head, _, _ = CONFIG.partition("  rnn:")
    (folder / "failing.yaml").write_text(head + "".join(models))

    done = run(folder, "failing.yaml", out="failing")

    said = " ".join(done.stderr.split())
    assert done.returncode == 1
    assert "Traceback" not in said
    for name, message in FAULTY.items():
        assert f"engine '{name}' of the package made-up {message}" in said


def test_an_engine_that_cannot_be_used_is_named(monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.syspath_prepend(install_engines(tmp_path))
        look_again(ENGINES)
        with pytest.raises(
            ValidationError, match=r"allowed: auto, native, keras, .*careless, "
        ):
            Training(engine="sharse")
        with pytest.raises(
            PluginError, match="'broken' of the package made-up cannot be loaded"
        ):
            engine_for(NETWORK, Training(engine="broken"))
        with pytest.raises(
            UserError, match=r"train this model \(allowed: native, keras, .*careless, "
        ):
            engine_for(NETWORK, Training(engine="scikit-learn"))
    look_again(ENGINES)
    del sys.modules["made_up"], sys.modules["made_up_shares"]
