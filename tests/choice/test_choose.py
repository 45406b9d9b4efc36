"""``rnnbench choose``, typed and called from Python; mostly with baselines, which are fast."""

import csv
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from in_process import InProcess

import rnnbench
from rnnbench import job
from rnnbench.analysis.intervals import Hits, accuracy_interval, folds_p
from rnnbench.choice.choose import FILES
from rnnbench.choice.table import P_OF_FOLDS, choice_table
from rnnbench.report.numbers import in_blocks, short_p
from rnnbench.storage import read_document

CONFIG = """\
name: mine
data: {source: files, path: texts.csv, test_split: 0.25, split: last}
training: {epochs: 1, batch_size: 4}
models:
  nb:
    baseline: multinomial_naive_bayes
    grid: {baseline.multinomial_naive_bayes: {alpha: [0.1, 100], max_ngram: [1, 2]}}
  always: {baseline: most_frequent}
  chance: {baseline: stratified}
  rnn:
    layers: [simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]
    training: {learning_rate: 0.01}
"""
FAST = ("--models", "nb,always,chance")


def rows(tests="lunch"):
    """Return 40 texts with labels; the last ten are for testing."""
    learned = [
        ("cheap pills now", "spam") if n % 3 else (f"lunch at {n}", "ham") for n in range(30)
    ]
    return [("text", "label"), *learned, *[(tests, "ham"), ("pills", "spam")] * 5]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    if "real_workers" not in request.keywords:  # starting them takes most of the time
        monkeypatch.setattr(job, "executor_class", lambda _: InProcess)
    Path("mine.yaml").write_text(CONFIG)
    write_texts(rows())


def write_texts(table):
    with Path("texts.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table)


def choose(**options):
    usual = {"models": ["nb", "always"], "folds": 3, "progress": False}
    return rnnbench.choose("mine.yaml", **usual | options)


# What is ranked, and on what.


def test_every_model_and_point_is_ranked_and_the_best_come_first():
    results = choose().results

    names = [candidate.name for candidate in results.candidates]
    assert sorted(names) == ["always", *(f"nb[alpha={a},max_ngram={n}]"
                                         for a in (0.1, 100) for n in (1, 2))]  # fmt: skip
    accuracies = [candidate.accuracy for candidate in results.candidates]
    assert accuracies == sorted(accuracies, reverse=True)
    assert (accuracies[0], results.held_out) == (1.0, 30)
    assert accuracies[names.index("always")] == pytest.approx(20 / 30)


def test_of_models_that_tie_the_cheapest_comes_first_and_then_the_first_in_the_config():
    untrained = {
        "training.epochs": [2, 1, 1, 1],
        "training.learning_rate": [1e-9, 1e-9, 1e-9, 1e-8],
        "training.batch_size": [4, 4, 8, 4],
    }
    counted = {"baseline.multinomial_naive_bayes.max_ngram": [3, 2, 1]}
    grids = {"models.rnn.grid": {"zip": untrained}, "models.nb.grid": counted}
    results = choose(models=["rnn", "nb"], folds=None, last=0.2, settings=grids).results

    names = [each.name for each in results.candidates]
    assert names == [
        *(f"nb[max_ngram={n}]" for n in (1, 2, 3)),
        "rnn[epochs=1,lr=1e-09,batch_size=4]",
        "rnn[epochs=1,lr=1e-09,batch_size=8]",
        "rnn[epochs=1,lr=1e-08,batch_size=4]",
        "rnn[epochs=2,lr=1e-09,batch_size=4]",
    ]
    assert len({each.accuracy for each in results.candidates[:3]}) == 1
    assert len({each.accuracy for each in results.candidates[3:]}) == 1


def test_the_accuracy_is_the_share_of_right_answers_to_all_held_out_documents():
    (always,) = choose(models="always", folds=4).results.candidates
    assert always.accuracy == pytest.approx(20 / 30)
    assert len(always.of_parts) == 4
    assert np.average(always.of_parts, weights=[8, 8, 7, 7]) == pytest.approx(20 / 30)


def test_the_test_documents_change_nothing():
    models = ["nb", "always", "rnn"]
    before = choose(out="before", models=models).results
    write_texts(
        rows(tests="a much longer text, with many other words, each of them seen only here")
    )
    after = choose(out="after", models=models).results

    def ranked(results):
        return [each.model_dump(exclude={"fit_seconds"}) for each in results.candidates]

    assert ranked(before) == ranked(after)
    assert before.dataset.fingerprint != after.dataset.fingerprint
    trials = [
        {file.name for file in Path(each, "trials").iterdir()} for each in ("before", "after")
    ]
    assert trials[0] == trials[1], "even their fingerprints are the same"


def test_a_cross_validation_shows_what_other_training_documents_would_change():
    best, *others = choose(models="nb").results.candidates
    table, of_last = choice_table(choose(models="nb").results), choose(folds=None, last=0.2)

    assert table.headers[-1] == P_OF_FOLDS
    assert [row[-1] for row in table.rows] == [
        "-",
        *(short_p(folds_p(best.of_parts, each.of_parts)) for each in others),
    ]
    assert P_OF_FOLDS in table.caption
    assert P_OF_FOLDS not in choice_table(of_last.results).headers


def test_the_last_documents_are_held_out_on_request():
    results = choose(folds=None, last=0.2).results
    assert (results.held_out, results.folds, results.last) == (6, None, 0.2)
    assert all(len(candidate.of_parts) == 1 for candidate in results.candidates)


@pytest.mark.parametrize("parts", [{"folds": 3}, {"folds": None, "last": 0.8}], ids=str)
def test_documents_in_order_of_time_are_ordered_again_and_count_as_blocks(parts):
    spam, ham = ("pills", "spam"), ("lunch", "ham")
    texts = [ham] * 2 + [spam] * 28 + [ham] * 10 + [spam] * 14
    write_texts([("text", "label"), *texts, *[ham] * 18])
    n = 54 if parts["folds"] else 43

    choice = choose(models="always", **parts)

    is_right = np.array([label == "spam" for _, label in texts])[-n:]
    (always,) = choice.results.candidates
    assert always.interval == accuracy_interval(Hits(is_right[np.newaxis], in_order=True))
    assert f"The held-out documents are {in_blocks(n)}." in choice_table(choice.results).caption


def test_five_folds_are_the_default():
    choice = choose(folds=None, models="always")

    assert choice.results.folds == 5
    assert {file.name for file in choice.folder.glob("[!.]*.*")} == set(FILES)


def test_a_network_is_ranked_with_every_seed_and_its_own_training():
    choice = choose(models=["rnn", "chance"], seeds=2, folds=2)
    assert {each.name: each.seeds for each in choice.results.candidates} == {"rnn": 2, "chance": 2}
    assert choice.benchmark.training_of("rnn").learning_rate == 0.01
    assert len(list(Path("results/choice-mine/trials").glob("rnn-*.json"))) == 4
    assert all(each.over_parts is not None for each in choice.results.candidates)


# Trials are stored, and failures are named.


@pytest.mark.real_workers
def test_a_second_choice_trains_nothing_again(cli):
    first = cli("choose", "mine.yaml", *FAST)
    again = cli("choose", "mine.yaml", *FAST)

    assert first.exit_code == again.exit_code == 0
    assert first.stdout == again.stdout
    assert "30 of 30 trials are stored already" in again.stderr
    assert "started" not in again.stderr


def test_a_failing_model_costs_only_itself(cli):
    Path("choice_nets.py").write_text("def make(shape):\n    raise RuntimeError('no such luck')\n")
    Path("mine.yaml").write_text(f"{CONFIG}  broken: {{python: choice_nets:make}}\n")
    result = cli("choose", "mine.yaml", "--models", "nb,broken", "--folds", 2, "--json")

    assert result.exit_code == 1
    record = json.loads(result.stdout)
    assert {each["name"].partition("[")[0] for each in record["candidates"]} == {"nb"}
    assert {each["model"] for each in record["missing"]} == {"broken"}
    assert "2 of 10 trials failed; results/choice-mine/ has the results of the others" in (
        result.stderr
    )


def test_a_fold_without_two_topics_to_train_on_is_refused_before_training(cli):
    write_texts([("text", "label"), ("a b", "x"), *[("c d", "y")] * 9])
    result = cli("choose", "mine.yaml", *FAST, "--folds", 2)
    assert result.exit_code == 2
    assert result.stderr.endswith("fold 1 of 2: all documents to train on have the topic 'y'\n")


def test_tracking_is_for_runs(caplog):
    choose(models="always", settings={"tracking": "csv"})
    assert "tracking: ignored, because only runs are tracked" in caplog.text


def test_an_interrupted_choice_says_how_to_go_on(cli, monkeypatch):
    class Interrupted(InProcess):
        def run(self, *arguments):
            outcomes = super().run(*arguments)
            yield next(outcomes)
            raise KeyboardInterrupt

    monkeypatch.setattr(job, "executor_class", lambda _: Interrupted)
    with pytest.raises(rnnbench.InterruptedRunError) as caught:
        choose(out="o'brien")
    again = """rnnbench choose 'o'"'"'brien/config.yaml' --folds 3 --out 'o'"'"'brien'"""
    assert str(caught.value).splitlines() == [
        "Interrupted; 1 of 15 trials are stored in o'brien/. This command continues from there:",
        f"  {again}",
    ]
    monkeypatch.setattr(job, "executor_class", lambda _: InProcess)
    assert "1 of 15 trials are stored already" in cli(*shlex.split(again)[1:]).stderr


def test_a_run_and_a_choice_have_folders_of_their_own(cli):
    cli("run", "mine.yaml", "--models", "always", "--out", "run")
    refused = cli("choose", "mine.yaml", "--models", "always", "--out", "run")
    assert (refused.exit_code, refused.stderr) == (
        2,
        "run: holds a run (use --out to name a new or empty folder)\n",
    )
    choose(models="always")
    refused = cli("run", "mine.yaml", "--models", "always", "--out", "results/choice-mine")
    assert refused.stderr == (
        "results/choice-mine: holds a choice (use --out to name a new or empty folder)\n"
    )


# What is shown and written.


def test_the_table_says_which_are_not_clearly_worse(cli):
    result = cli("choose", "mine.yaml", *FAST, "--folds", 3, "--quiet")

    lines = result.stdout.splitlines()
    assert any(line.split()[:3] == ["nb", "0.1", "1"] and "best" in line for line in lines)
    assert any(line.split()[:3] == ["nb", "0.1", "2"] and " no" in line for line in lines)
    assert any(line.split()[:1] == ["always"] and "yes" in line for line in lines)
    text = " ".join(result.stdout.split())
    assert "Accuracy on 30 of 30 training documents (3 folds)." in text
    assert "the test documents were not used" in text
    assert result.stderr == ""


def test_the_record_is_stored_with_its_checksum(cli):
    printed = json.loads(cli("choose", "mine.yaml", *FAST, "--json").stdout)
    stored = read_document(Path("results/choice-mine/choice.json"), 2)
    assert stored == printed
    assert Path("results/choice-mine/choice.md").read_text().startswith("| model | alpha |")


def test_one_seed_says_that_it_holds_for_its_trainings_only(cli):
    one = cli("choose", "mine.yaml", *FAST).stdout
    several = cli("choose", "mine.yaml", *FAST, "--seeds", 2).stdout
    said = "With one seed, intervals are over documents alone, and p-values are about these "
    said += "trainings, not about the models."
    assert said in " ".join(one.split())
    assert said not in " ".join(several.split())


def test_frames_have_the_candidates_and_their_parameters():
    frame = choose().to_frame()
    assert list(frame["alpha"][:2]) == [0.1, 0.1]
    assert set(frame["name"]) > {"always"}
    assert {"accuracy", "low", "high", "params", "seeds", "fit_seconds", "p"} < set(frame)


def test_the_best_of_each_model_is_written_as_a_config_that_says_why(cli):
    result = cli("choose", "mine.yaml", "--models", "nb,rnn", "--folds", 2, "--write", "best.yaml")
    assert "Written to best.yaml; next: rnnbench run best.yaml" in result.stderr

    text = Path("best.yaml").read_text()
    assert text.startswith(
        "# Chosen from 5 models by accuracy on 30 of 30 training documents (2 folds);\n"
        "# the test documents were not used. The command was:\n#   rnnbench"
    )
    assert text.count("# accuracy") == 2
    assert "  # accuracy 1.0000, the best of 4: alpha 0.1, max_ngram 1\n  nb:\n" in text
    best = rnnbench.load_config("best.yaml")
    assert (best.name, list(best.models)) == ("mine_chosen", ["nb", "rnn"])
    assert best.models["nb"].baseline.alpha == 0.1
    assert [model.chosen_from for model in best.models.values()] == [4, 1]
    assert best.training_of("rnn").learning_rate == 0.01
    assert best.data.path.resolve() == Path("texts.csv").resolve()
    assert cli("run", "best.yaml", "--models", "nb").exit_code == 0


def test_a_model_may_be_named_like_a_kind_of_layer(cli):
    kinds = "  tfidf_linear_svm: {baseline: {tfidf_linear_svm: {C: 0.01}}}\n"
    same = "  a: {baseline: {tfidf_linear_svm: {C: 10}}}\n"
    Path("mine.yaml").write_text(f"{CONFIG}{same}{kinds}")
    chosen = ("--models", "a,tfidf_linear_svm", "--folds", 2, "--write", "best.yaml")
    assert cli("choose", "mine.yaml", *chosen).exit_code == 0
    best = rnnbench.load_config("best.yaml").models
    assert {name: model.baseline.C for name, model in best.items()} == {
        "a": 10,
        "tfidf_linear_svm": 0.01,
    }


def test_what_is_complete_is_written_even_if_a_model_failed(cli):
    Path("failing_nets.py").write_text("def make(shape):\n    raise RuntimeError('no luck')\n")
    Path("mine.yaml").write_text(f"{CONFIG}  broken: {{python: failing_nets:make}}\n")
    models = ("--folds", 2, "--models")
    result = cli("choose", "mine.yaml", *models, "nb,broken", "--write", "best.yaml")
    assert result.exit_code == 1
    assert list(rnnbench.load_config("best.yaml").models) == ["nb"]
    result = cli("choose", "mine.yaml", *models, "broken", "--write", "none.yaml")
    assert "none.yaml: not written; no model has finished all its trials" in result.stderr


def test_a_config_is_not_overwritten_without_force(cli):
    Path("best.yaml").write_text("mine: true\n")
    command = ("choose", "mine.yaml", "--models", "always", "--write", "best.yaml")

    refused = cli(*command)
    assert refused.exit_code == 2
    assert refused.stderr == (
        "best.yaml: exists (use --force, overwrite=True in Python, or another name)\n"
    )
    assert not Path("results").exists(), "it is refused before anything is trained"
    assert cli(*command, "--force").exit_code == 0
    assert "always" in yaml.safe_load(Path("best.yaml").read_text())["models"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--folds", 3, "--last", 0.2], "use either folds or last, not both"),
        (["--last", 1.5], "last: got 1.5 (should be between 0 and 1)"),
        (["--folds", 31], "folds: got 31 (allowed: 2 to 30, the training documents)"),
        (["--write", "nowhere/best.yaml"], "nowhere/best.yaml: there is no folder nowhere"),
        (["--models", "no"], "no model 'no'"),
        (["--folds", 10**9], "folds: got 1000000000 (should be 2 to 1,000)"),
        (["--force"], "--force: needs --write"),
        (["--write", "mine.yaml", "--force"], "--write mine.yaml: the choice reads this file"),
        (["--write", "texts.csv", "--force"], "--write texts.csv: the choice reads this file"),
        (
            ["--out", "f", "--write", "f/config.yaml"],
            "f/config.yaml: is in the folder of the choice",
        ),
    ],
)
def test_wrong_options_are_answered(cli, options, message):
    result = cli("choose", "mine.yaml", *options)
    assert result.exit_code == 2
    assert message in result.stderr


# Search.


def test_a_search_tries_some_points_of_each_grid_and_draws_the_same_again(cli):
    first = json.loads(cli("choose", "mine.yaml", *FAST, "--search", 2, "--json").stdout)
    names = [each["name"] for each in first["candidates"]]
    assert {"always", "chance"} < set(names)
    assert (len(names), first["searched"], first["n_models"]) == (4, 2, 6)
    again = cli("choose", "mine.yaml", *FAST, "--search", 2, "--json")
    assert [each["name"] for each in json.loads(again.stdout)["candidates"]] == names
    assert "started" not in again.stderr


def test_a_search_that_may_try_everything_does():
    results = choose(search=50).results
    assert len(results.candidates) == results.n_models == 5
