"""A kind of task from another package: one file with its class and its metric."""

import pytest
from plugin_files import write_module

import rnnbench

STARS = """
    import numpy as np

    from rnnbench.plugin import Metric, SingleLabel


    def closeness(labels, answers):
        return 1 / (1 + np.abs(labels - answers))


    class Ordinal(SingleLabel):
        '''Labels in order: a wrong answer counts the less, the further it is off.'''

        name = "ordinal"
        main = score_name = "closeness"

        def parts(self, labels, answers):
            return closeness(labels, answers)


    ORDINAL = Ordinal()
    CLOSENESS = Metric(
        name="closeness",
        header="closeness",
        tasks=("ordinal",),
        is_of_answers=True,
        function=lambda labels, answers: closeness(labels, answers).mean(),
    )
"""
ENTRIES = """\
[rnnbench.tasks]
ordinal = stars:ORDINAL
[rnnbench.metrics]
closeness = stars:CLOSENESS
"""


@pytest.fixture
def config(tmp_path, monkeypatch, install, quick):  # noqa: ARG001 - trains in this process
    monkeypatch.chdir(tmp_path)
    write_module(tmp_path / "packages", "stars", STARS)
    info = tmp_path / "packages/stars-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stars\nVersion: 1\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    install(str(tmp_path / "packages"))
    rows = [f"word{n % 5} all{n % 7},{1 + n % 5}" for n in range(60)]
    (tmp_path / "stars.csv").write_text("\n".join(["text,label", *rows]))
    models = {
        "bayes": {"baseline": "multinomial_naive_bayes"},
        "one": {"baseline": "most_frequent"},
    }
    data = {"path": "stars.csv", "task": "ordinal"}
    return {"name": "stars", "data": data, "models": models}


def test_models_are_compared_by_its_metric_from_the_run_to_the_page(config):
    run = rnnbench.run(config, progress=False)
    (trial,) = run.trials["one"]

    summary = next(model for model in run.results.models if model.name == "one")
    assert summary.main == "closeness"
    assert summary.score.mean == pytest.approx(
        (1 / (1 + abs(trial.labels - trial.answers))).mean()
    )
    assert {"accuracy", "macro_f1"} < {*summary.metrics}, (
        "it is a special case of one label"
    )
    assert run.tables()[0].headers[1].startswith("test closeness")
    assert "closeness of" in {table.headers[0] for table in run.tables()} | {
        table.headers[0] for table in rnnbench.compare(run, run).tables()
    }


def test_its_report_is_in_the_order_of_its_metric(config):
    run = rnnbench.run(config, progress=False)

    page = run.write_report(words=0).read_text(encoding="utf-8")
    assert "Models are in the order of their closeness." in page
    assert "Confusion of" in page
    assert rnnbench.leaderboard([run]).boards[0].metric == "closeness"
