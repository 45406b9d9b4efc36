"""Which engine trains which model, and an engine that another package brings."""

import json
import subprocess
import sys

import pytest
from factories import benchmark
from plugin_files import example, look_again, run_rnnbench, write_distribution
from pydantic import ValidationError

from rnnbench.errors import UserError
from rnnbench.registry import PluginError
from rnnbench.training.engines import ENGINES
from rnnbench.training.settings import Training, engine_for

NETWORK = benchmark().models["rnn"]
BASELINE = benchmark(models={"svm": {"baseline": "tfidf_linear_svm"}}).models["svm"]


@pytest.mark.parametrize("name", ["native", "keras"])
def test_networks_are_trained_by_the_engine_that_the_config_names_and_baselines_are_not(
    name,
):
    training = Training(engine=name)

    assert engine_for(NETWORK, training) is ENGINES[name]
    assert engine_for(BASELINE, training) is ENGINES["scikit-learn"]


def test_no_engine_imports_its_library_before_it_is_used_nor_more_than_it_needs():
    code = (
        "import sys; from rnnbench.training.settings import Training; Training(engine='keras')\n"
        "from rnnbench.training.engines import ENGINES; list(ENGINES.values())\n"
        "print({'tensorflow', 'keras', 'llvmlite', 'sklearn', 'scipy'} & set(sys.modules))\n"
        "ENGINES['keras'].prepare(3); import tensorflow as tf\n"
        "gpus = tf.config.list_physical_devices('GPU')\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads(), gpus)\n"
        "print({'IPython', 'matplotlib', 'pandas', 'sklearn'} & set(sys.modules)); import sklearn\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == ["set()", "3 []", "set()"]


SPOILED = """
    import sys

    from made_up_shares import Shares
    from rnnbench import TrialRecord, TrialResult


    class Spoiled(Shares):
        def __init__(self, name, spoil):
            self.name, self.spoil = name, spoil

        def fit(self, work):
            assert "tensorflow" not in sys.modules
            return self.spoil(super().fit(work))


    def fail(_):
        raise LookupError("no weights today")


    def older(_):
        return TrialRecord(engine="older", params=0, score_kind="probabilities", fit_seconds=0.5)


    failing, older = Spoiled("failing", fail), Spoiled("older", older)
    careless = Spoiled("careless", lambda own: TrialResult(own.record, own.labels, own.scores[:-1]))
    forgetful = Spoiled("forgetful", lambda own: TrialResult(own.record, own.labels, -own.scores))
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


@pytest.fixture
def folder(tmp_path, tiny_sgml_folder):
    """A working folder with newswires and a config."""
    tiny_sgml_folder.rename(tmp_path / "sgml")
    (tmp_path / "own.yaml").write_text(CONFIG)
    return tmp_path


def install_engines(site, version="1.2"):
    """Write a distribution with a version of the package; return the folder to put on
    the path.
    """
    modules = {"made_up": SPOILED, "made_up_shares": example("engines")}
    return write_distribution(
        site, ENTRIES, modules, group="rnnbench.engines", version=version
    )


def run(folder, version="1.2"):
    site = install_engines(folder / f"site-{version}", version)
    return run_rnnbench("run", "own.yaml", "--jobs", "1", site=site, cwd=folder)


def stored(folder, name):
    return json.loads((folder / "results" / "own" / name).read_text())


def test_an_engine_of_another_package_trains_and_its_version_is_part_of_the_fingerprint(
    folder,
):
    done = run(folder)

    assert done.returncode == 0, done.stderr
    before = stored(folder, "results.json")
    (model,) = before["models"]
    assert before["engine"] == "shares"
    assert model["params"] == len(before["dataset"]["topics"])
    assert stored(folder, "environment.json")["versions"]["made-up"] == "1.2"

    assert run(folder, version="1.3").returncode == 0

    (again,) = stored(folder, "results.json")["models"]
    assert again["trials"][0]["fingerprint"] != model["trials"][0]["fingerprint"]


FAULTY = {
    "careless": "returned scores of the shape (",
    "forgetful": "returned log-probabilities of up to ",
    "older": "failed: ValidationError: score_kind: Input should be 'log_probabilities', ",
    "failing": "failed: LookupError: no weights",
}


def test_an_engine_that_fails_is_named(folder):
    layers = "[simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]"
    models = [
        f"  {name}: {{layers: {layers}, training: {{engine: {name}}}}}\n"
        for name in FAULTY
    ]
    head, _, _ = CONFIG.partition("  rnn:")
    (folder / "own.yaml").write_text(head + "".join(models))

    done = run(folder)

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
