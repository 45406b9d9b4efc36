"""``rnnbench choose``, typed and called from Python; mostly with baselines, which are
fast.
"""

import csv
import json
import shlex
from collections import Counter
from contextlib import chdir
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import factories
import numpy as np
import pytest
from in_process import InProcess

import rnnbench
from rnnbench.choice.choose import draw_points
from rnnbench.choice.ranking import rank_candidates, recommend
from rnnbench.choice.results import Candidate
from rnnbench.choice.table import P_BEST, choice_table
from rnnbench.models.baselines import Stratified
from rnnbench.report.words import in_blocks, short_p
from rnnbench.results.store import CHOICE, FILES
from rnnbench.runner.executors import EXECUTORS, TrialFailure
from rnnbench.runner.train import PlanResult
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import estimate_over_folds, score_interval
from rnnbench.stats.paired import ANOVA
from rnnbench.tasks import SINGLE_LABEL
from rnnbench.training.word_vectors import pretrained_vectors

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
OF_ONE_SEED = (
    "With one seed, intervals are over documents alone, and p-values are about these trainings, "
    "not about the models."
)


def rows(tests="lunch"):
    """Return 40 texts with labels; the last ten are for testing."""
    learned = [
        ("cheap pills now", "spam") if n % 3 else (f"lunch at {n}", "ham")
        for n in range(30)
    ]
    return [("text", "label"), *learned, *[(tests, "ham"), ("pills", "spam")] * 5]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    if "real_workers" not in request.keywords:  # starting them takes most of the time
        request.getfixturevalue("quick")
    write_files()


def write_files():
    Path("mine.yaml").write_text(CONFIG)
    write_texts(rows())


def write_texts(table):
    with Path("texts.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table)


def choose(**options):
    usual = {"models": ["nb", "always"], "folds": 3, "progress": False}
    return rnnbench.choose("mine.yaml", **usual | options)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    """A choice of all baselines by four folds."""
    with (
        chdir(tmp_path_factory.mktemp("chosen")),
        EXECUTORS.override("local", InProcess),
    ):
        write_files()
        return choose(models=FAST[1].split(","), folds=4)


# What is ranked, and on what.


def test_every_model_is_ranked_with_every_point_of_its_grid(chosen):
    candidates = chosen.results.candidates

    points = [
        f"nb[alpha={alpha},max_ngram={n}]" for alpha in (0.1, 100) for n in (1, 2)
    ]
    names = sorted(candidate.name for candidate in candidates)
    assert names == ["always", "chance", *points]
    accuracies = [candidate.score for candidate in candidates]
    assert accuracies == sorted(accuracies, reverse=True)
    assert (accuracies[0], chosen.results.held_out) == (1.0, 30)


def test_a_score_is_the_share_of_right_answers_to_all_held_out_documents(chosen):
    candidates = {candidate.name: candidate for candidate in chosen.results.candidates}
    always = candidates["always"]

    assert always.score == pytest.approx(20 / 30)
    assert np.average(always.of_parts, weights=[8, 8, 7, 7]) == pytest.approx(20 / 30)


def test_a_frame_has_the_best_candidate_first(chosen):
    frame = chosen.to_frame()

    assert list(frame["alpha"][:2]) == [0.1, 0.1]
    assert {"score", "low", "high", "params", "seeds", "fit_seconds", "p"} < set(frame)
    best, *others = chosen.results.candidates
    p_values = [1]
    for other in others:
        ahead = np.subtract(best.of_parts, other.of_parts)
        p_values.append(estimate_over_folds(ahead[:, np.newaxis]).p)
    assert list(frame["p_of_folds"]) == p_values


def test_the_table_of_a_choice_has_the_p_value_of_each_other_candidate(chosen):
    table = choice_table(chosen.results)

    assert f"{P_BEST}: the p-value of being as good as the best" in table.caption
    p_values = []
    for row in table.rows[1:]:
        p, verdict = row[-4:-2]
        assert (float(p) < 0.05) == (verdict == "yes")
        p_values.append(p)
    _, *others = chosen.results.candidates
    assert p_values == [short_p(other.against_best.p_corrected) for other in others]


def test_of_models_that_tie_the_cheapest_comes_first_then_the_first_in_the_config():
    untrained = {
        "training.epochs": [2, 1, 1, 1],
        "training.learning_rate": [1e-9, 1e-9, 1e-9, 1e-8],
        "training.batch_size": [4, 4, 8, 4],
    }
    counted = {"baseline.multinomial_naive_bayes.max_ngram": [3, 2, 1]}
    grids = {"models.rnn.grid": {"zip": untrained}, "models.nb.grid": counted}
    results = choose(models=["rnn", "nb"], folds=None, last=0.2, settings=grids).results

    assert (results.held_out, results.folds, results.last) == (6, None, 0.2)
    names = [candidate.name for candidate in results.candidates]
    assert names == [
        *(f"nb[max_ngram={n}]" for n in (1, 2, 3)),
        "rnn[epochs=1,lr=1e-09,batch_size=4]",
        "rnn[epochs=1,lr=1e-09,batch_size=8]",
        "rnn[epochs=1,lr=1e-08,batch_size=4]",
        "rnn[epochs=2,lr=1e-09,batch_size=4]",
    ]
    assert len({candidate.score for candidate in results.candidates[:3]}) == 1
    assert len({candidate.score for candidate in results.candidates[3:]}) == 1


def test_the_test_documents_change_nothing():
    models = ["nb", "always", "rnn"]
    before = choose(out="before", models=models).results
    write_texts(
        rows(
            tests="a much longer text, with many other words, each of them seen only here"
        )
    )
    after = choose(out="after", models=models).results

    def ranked(results):
        return [
            candidate.model_dump(exclude={"fit_seconds"})
            for candidate in results.candidates
        ]

    assert ranked(before) == ranked(after)
    assert before.dataset.fingerprint != after.dataset.fingerprint
    trials = [
        {file.name for file in Path(out, "trials").iterdir()}
        for out in ("before", "after")
    ]
    assert trials[0] == trials[1], "even their fingerprints are the same"


@pytest.mark.parametrize("parts", [{"folds": 3}, {"folds": None, "last": 0.8}], ids=str)
def test_documents_in_order_of_time_count_as_blocks_in_that_order(parts):
    spam = ("pills", "spam")
    ham = ("lunch", "ham")
    texts = [ham] * 2 + [spam] * 28 + [ham] * 10 + [spam] * 14
    write_texts([("text", "label"), *texts, *[ham] * 18])
    n = 54 if parts["folds"] else 43

    choice = choose(models="always", **parts)

    is_right = np.array([label == "spam" for _, label in texts])[-n:]
    (always,) = choice.results.candidates
    expected = score_interval(Correctness(is_right[np.newaxis], in_order=True))
    assert always.interval == expected
    assert (
        f"The held-out documents are {in_blocks(n)}."
        in choice_table(choice.results).caption
    )


def test_groups_of_held_out_texts_count_as_clusters():
    authors = [place // 6 for place in range(180)]
    labels = ["spam" if author % 3 else "ham" for author in authors]
    texts = [f"text {n}" for n in range(180)]
    table = zip(texts, labels, authors, strict=True)
    write_texts([("text", "label", "author"), *table])
    settings = ["data.split=shuffled", "data.group=author"]

    choice = choose(models="always", settings=settings)
    single = choose(models="always", settings=settings[:1], out="single")

    width = []
    for of_choice in (choice, single):
        interval = of_choice.results.candidates[0].interval
        width.append(interval.high - interval.low)
    assert width[0] > 1.5 * width[1]


def test_clusters_stay_with_their_texts_if_these_are_put_in_order_of_time(tmp_path):
    groups = np.array([0, 1, 0, 1])
    held_out = np.array([0, 2, 1, 3])  # part by part
    trial = factories.trial(tmp_path)

    def interval(*, in_order):
        dataset = SimpleNamespace(in_order=in_order)
        plan = SimpleNamespace(dataset=dataset, trials=[trial])
        done = PlanResult(plan, {trial: factories.result((0, 0, 0, 0))})
        (candidate,) = rank_candidates([trial.name], done, held_out, groups)
        return candidate.interval

    assert interval(in_order=True) == interval(in_order=False)


def test_five_folds_are_the_default():
    choice = choose(folds=None, models="always")

    assert choice.results.folds == 5
    assert {file.name for file in choice.folder.glob("[!.]*.*")} == set(FILES[CHOICE])


def test_only_runs_are_tracked(caplog):
    choose(models="always", settings={"tracking": "wandb"})

    assert "tracking: ignored, because only runs are tracked" in caplog.text


def test_a_network_has_its_own_training_with_every_seed():
    choice = choose(models=["rnn", "chance"], seeds=2, folds=2)
    candidates = choice.results.candidates
    assert {candidate.name: candidate.seeds for candidate in candidates} == {
        "rnn": 2,
        "chance": 2,
    }
    assert choice.benchmark.training_of("rnn").learning_rate == 0.01
    assert len(list(Path("results/choice-mine/trials").glob("rnn-*.json"))) == 4
    assert all(candidate.over_parts is not None for candidate in candidates)
    assert OF_ONE_SEED not in choice_table(choice.results).caption


# Trials are stored, and failures are named.


@pytest.mark.real_workers
def test_a_second_choice_trains_nothing_again(cli):
    command = ("choose", "mine.yaml", "--models", "nb", "--folds", 2, "--jobs", 1)
    first = cli(*command)
    again = cli(*command)

    assert first.exit_code == again.exit_code == 0
    assert first.stdout == again.stdout
    assert "8 of 8 trials are stored already" in again.stderr
    assert "started" not in again.stderr


def test_a_fold_without_two_topics_to_train_on_is_refused_before_training(cli):
    write_texts([("text", "label"), ("a b", "x"), *[("c d", "y")] * 9])
    result = cli("choose", "mine.yaml", *FAST, "--folds", 2)
    assert result.exit_code == 2
    assert result.stderr.endswith(
        "fold 1 of 2: all documents to train on have the label 'y'\n"
    )


def test_an_interrupted_choice_says_how_to_go_on(cli):
    class Interrupted(InProcess):
        def run(self, *arguments):
            outcomes = super().run(*arguments)
            yield next(outcomes)
            raise KeyboardInterrupt

    with (
        EXECUTORS.override("local", Interrupted),
        pytest.raises(rnnbench.InterruptedRunError) as caught,
    ):
        choose(out="o'brien")
    again = (
        """rnnbench choose 'o'"'"'brien/config.yaml' --folds 3 --out 'o'"'"'brien'"""
    )
    assert str(caught.value).splitlines() == [
        "Interrupted; 1 of 15 trials are stored in o'brien/. This command continues from there:",
        f"  {again}",
    ]
    assert "1 of 15 trials are stored already" in cli(*shlex.split(again)[1:]).stderr


# What is shown and written.


def test_the_table_says_which_are_not_clearly_worse(cli):
    result = cli("choose", "mine.yaml", *FAST, "--folds", 3, "--quiet")

    rows_of = {}
    for line in result.stdout.splitlines():
        cells = line.split()
        rows_of.setdefault(tuple(cells[:3]), set()).update(cells)
    assert "best" in rows_of["nb", "0.1", "1"]
    assert "no" in rows_of["nb", "0.1", "2"]
    assert any("yes" in cells for row, cells in rows_of.items() if "always" in row[:1])


def test_the_caption_says_what_was_held_out(cli):
    result = cli("choose", "mine.yaml", *FAST, "--folds", 3, "--quiet")

    text = " ".join(result.stdout.split())
    assert "Accuracy on 30 of 30 training documents (3 folds)." in text
    assert "the test documents were not used" in text
    assert OF_ONE_SEED in text
    assert result.stderr == ""


def test_the_record_is_stored_as_it_is_printed(cli):
    result = cli("choose", "mine.yaml", *FAST, "--folds", 3, "--json")

    printed = json.loads(result.stdout)
    stored = json.loads(Path("results/choice-mine/choice.json").read_text())
    assert stored == printed | {"checksum": stored["checksum"]}
    table = Path("results/choice-mine/choice.md").read_text()
    assert table.startswith("| model | alpha |")


def test_a_failing_model_costs_only_itself(cli, monkeypatch):
    monkeypatch.setattr(Stratified, "pipeline", lambda *_: 1 / 0)
    command = ("choose", "mine.yaml", "--folds", 2, "--json", "--models")
    result = cli(*command, "always,chance", "--write", "best.yaml")

    assert result.exit_code == 1
    record = json.loads(result.stdout)
    assert [candidate["name"] for candidate in record["candidates"]] == ["always"]
    assert {trial["model"] for trial in record["missing"]} == {"chance"}
    partial = "2 of 4 trials failed; results/choice-mine/ has the results of the others"
    assert partial in result.stderr
    assert list(rnnbench.load_config("best.yaml").models) == ["always"]


def test_nothing_is_written_if_no_model_has_finished(cli, monkeypatch):
    monkeypatch.setattr(Stratified, "pipeline", lambda *_: 1 / 0)
    command = ("choose", "mine.yaml", "--folds", 2, "--models", "chance")
    result = cli(*command, "--write", "none.yaml")

    assert "none.yaml: not written; no model has finished" in result.stderr


def test_the_best_of_each_model_is_written_as_a_config_that_says_how(cli):
    Path("best.yaml").write_text("mine: true\n")
    command = (
        "choose",
        "mine.yaml",
        "--models",
        "nb,rnn",
        "--folds",
        2,
        "--write",
        "best.yaml",
    )
    result = cli(*command, "--force")
    assert "Written to best.yaml; next: rnnbench run best.yaml" in result.stderr

    text = Path("best.yaml").read_text()
    assert text.startswith(
        "# Chosen from 5 models by accuracy on 30 of 30 training documents (2 folds);\n"
        "# the test documents were not used. The command was:\n#   rnnbench"
    )
    best = rnnbench.load_config("best.yaml")
    assert (best.name, {*best.models}) == ("mine_chosen", {"nb", "rnn"})
    assert best.models["nb"].baseline.alpha == 0.1
    assert [best.models[name].chosen_from for name in ("nb", "rnn")] == [4, 1]
    assert best.training_of("rnn").learning_rate == 0.01
    assert best.data.path.resolve() == Path("texts.csv").resolve()
    assert cli("run", "best.yaml", "--models", "nb").exit_code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--folds", 3, "--last", 0.2], "use either folds or last, not both"),
        (["--last", 1.5], "last: got 1.5 (should be between 0 and 1)"),
        (
            ["--folds", 31],
            "folds: got 31 (allowed: 2 to 30, the documents to train on)",
        ),
        (["--models", "no"], "no model 'no'"),
        (["--folds", 10**9], "folds: got 1000000000 (should be 2 to 1,000)"),
        (["--force"], "--force: needs --write"),
        (["--on", "all"], "on: 'all' needs then_fit"),
        (["--then-fit", "--on", "test"], "on: got 'test' (allowed: train, all)"),
        (
            ["--write", "best.csv"],
            "best.csv: would be read as a table of texts (use .yaml)",
        ),
        (
            ["--write", "mine.yaml"],
            "--write mine.yaml: the choice needs this file itself",
        ),
        (
            ["--write", "best.yaml"],
            "--write best.yaml: exists already (--force overwrites it)",
        ),
        (
            ["--write", "texts.csv", "--force"],
            "--write texts.csv: the choice needs this file",
        ),
        (
            ["--out", "f", "--write", "f/config.yaml"],
            "f/config.yaml: the choice needs this file",
        ),
    ],
)
def test_wrong_options_are_answered_before_anything_is_trained(cli, options, message):
    Path("best.yaml").touch()
    result = cli("choose", "mine.yaml", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("results").exists()


# What is recommended.


def candidate(name, params, accuracy, p=None, n_seeds=None):
    """A candidate; all but the best are compared with it."""
    interval = {"low": accuracy - 0.01, "high": accuracy + 0.01}
    pair = {
        "a": "best",
        "b": name,
        "difference": 0.01,
        "interval": interval,
        "p": p,
        "p_corrected": p,
    }
    return Candidate(
        name=name,
        params=params,
        score=accuracy,
        of_parts=[accuracy],
        over_parts=None,
        interval=interval,
        seeds=1,
        fit_seconds=1,
        against_best=None
        if p is None
        else pair | {"method": ANOVA, "n_seeds": n_seeds},
    )


BEST = candidate("rnn", 900, 0.9)


@pytest.mark.parametrize(
    ("others", "name", "claim"),
    [
        (
            [],
            "rnn",
            "rnn is the only model: a network with 900 parameters and an accuracy of 0.90",
        ),
        (
            [("svm", 100, 0.8, 0.01)],
            "rnn",
            "is the best, and all others are clearly worse: a net",
        ),
        (
            [("svm", 1000, 0.8, 0.05)],
            "svm",
            "is the simplest of 2 models that are not clearly wo",
        ),
        ([("small", 451, 0.89, 1)], "rnn", "are not much simpler"),
        ([("small", 450, 0.89, 1)], "rnn", "much simpler"),
        (
            [("small", 449, 0.89, 1)],
            "small",
            "than the best, rnn (a network with 900 parameters ",
        ),
        (
            [("svm", 9, 0.89, 1, 2)],
            "rnn",
            "too few seeds to tell which others are as good",
        ),
        (
            [("always", 0, 0.8, 1)],
            "rnn",
            "As always, which reads no text, is not clearly worse",
        ),
        (
            [("vectors", 9, 0.89, 1), ("svm", 500, 0.8, 1)],
            "svm",
            "the simplest of 3 models",
        ),
        (
            [("svm", 20, 0.89, 1), ("nb", 10, 0.8, 1)],
            "svm",
            "a baseline with 20 parameters",
        ),
        (
            [("svm", 21, 0.89, 1), ("nb", 10, 0.8, 1)],
            "nb",
            "a baseline with 10 parameters",
        ),
    ],
    ids=str,
)
def test_the_simplest_model_that_is_not_clearly_worse_is_recommended(
    others, name, claim
):
    end = {"dense": {"units": "topics", "activation": "softmax"}}
    network = {"layers": [{"simple_rnn": {"units": 2}}, end]}
    kinds = {"svm": "tfidf_linear_svm", "nb": "nb_svm", "always": "most_frequent"}
    models = {model: {"baseline": kind} for model, kind in kinds.items()}
    models |= {
        "vectors": {"baseline": "sentence_embedding"},
        "rnn": network,
        "small": network,
    }
    benchmark = rnnbench.load_config({"name": "all", "models": models})

    candidates = [BEST, *(candidate(*other) for other in others)]
    recommendation = recommend(candidates, benchmark.models, SINGLE_LABEL)

    assert recommendation.model == name
    assert claim in recommendation.reason
    assert recommend([], benchmark.models, SINGLE_LABEL) is None


def test_the_recommended_model_is_kept_and_tested_on_documents_that_it_has_not_learned(
    cli,
):
    result = cli("choose", "mine.yaml", *FAST, "--folds", 3, "--then-fit")

    folder = Path("results/choice-mine/fitted")
    fitted = rnnbench.load_run(folder)
    assert [(model.name, model.chosen_from) for model in fitted.results.models] == [
        ("nb", 4)
    ]
    assert (fitted.results.dataset.train_size, fitted.results.dataset.test_size) == (
        30,
        10,
    )
    assert fitted.benchmark.models["nb"].baseline.alpha == 0.1
    assert "Recommended: nb[alpha=0.1,max_ngram=1] is the best" in " ".join(
        result.stdout.split()
    )
    assert "test accuracy" in result.stdout
    assert result.stderr.endswith(f"next: rnnbench predict {folder} TEXT\n")
    again = cli(*shlex.split(fitted.results.command)[1:])
    assert "1 of 1 trials are stored already" in again.stderr


@pytest.fixture(
    scope="module",
    params=[("shuffled", {"folds": 2}), ("last", {"folds": None, "last": 0.5})],
    ids=["folds", "last"],
)
def chosen_on_all(request, tmp_path_factory):
    """A choice whose recommended model has learned all documents."""
    split, parts = request.param
    folder = tmp_path_factory.mktemp("chosen-on-all")
    settings = {"data.split": split}
    options = {"models": ["rnn", "always"], "settings": settings, "seeds": 2}
    with (
        chdir(folder),
        EXECUTORS.override("local", InProcess),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("RNNBENCH_CACHE", str(folder / "cache"))
        write_files()
        out = folder / "choice"
        return choose(then_fit=True, on="all", out=out, **parts, **options)


def test_a_model_of_all_documents_has_the_accuracy_of_the_choice(chosen_on_all):
    choice = chosen_on_all
    (model,) = choice.fitted.results.models
    dataset = choice.fitted.results.dataset
    (recommended,) = [
        candidate
        for candidate in choice.results.candidates
        if candidate.name == choice.recommended
    ]
    assert model.score.mean == pytest.approx(recommended.score)
    assert model.interval.low == pytest.approx(recommended.interval.low)
    assert (dataset.train_size, dataset.test_size) == (40, choice.results.held_out)
    assert (dataset.n_tests, dataset.duplicates.positions) == (0, [])
    assert dataset.estimated_on == choice.results.how()


def test_a_model_of_all_documents_says_that_none_is_left_to_test_on(chosen_on_all):
    text = str(chosen_on_all.fitted)
    assert text.count("No document is left to test on") == 1
    assert "held-out accuracy" in text
    assert "test accuracy" not in text


def test_a_model_of_all_documents_is_loaded_for_a_report(chosen_on_all):
    stored = rnnbench.load_run(chosen_on_all.fitted.folder)
    assert stored.results == chosen_on_all.fitted.results
    page = stored.write_report().read_text()
    assert "No document is left to test on" in page
    assert "40 training and 0 test documents" in page


@pytest.mark.parametrize(
    "outcome", [KeyboardInterrupt(), TrialFailure("no room")], ids=str
)
def test_what_was_chosen_is_shown_even_if_the_fit_ends_early(cli, outcome):
    class Ending(InProcess):
        def run(self, trials, *rest):
            if trials[0].part:
                yield from super().run(trials, *rest)
            elif isinstance(outcome, TrialFailure):
                yield from ((trial, outcome) for trial in trials)
            else:
                raise outcome

    command = (
        "choose",
        "mine.yaml",
        *FAST,
        "--then-fit",
        "--json",
        "--write",
        "best.yaml",
    )
    with EXECUTORS.override("local", Ending):
        result = cli(*command)

    has_failed = isinstance(outcome, TrialFailure)
    assert result.exit_code == (1 if has_failed else 130)
    assert json.loads(result.stdout)["recommended"]["model"].startswith("nb[")
    assert Path("best.yaml").exists() == has_failed, "or else the same command goes on"


def test_only_what_has_the_answers_of_this_choice_is_not_fitted_again(cli):
    options = ("--models", "rnn", "--seeds", 2, "--then-fit", "--on", "all", "--set")
    command = ("choose", "mine.yaml", *options, "training.epochs=2", "--folds")
    cli(*command, 2)
    next(Path("results/choice-mine/fitted/trials").glob("rnn-seed1-*")).unlink()
    again = cli(*command, 2).stderr
    assert "1 of 2 trials are stored already" in again
    assert "rnn seed 1: accuracy" in again
    other = cli(*command, 3).stderr  # which learns all documents, too
    assert "are stored already" not in other
    assert "rnn seed 0: accuracy" in other


def test_labels_that_occur_only_in_test_documents_are_noticed_before_anything_is_trained(
    cli,
):
    write_texts([*rows()[:-10], *[("hello", "a new label")] * 10])
    options = ("--then-fit", "--on", "all", "--set", "data.min_per_label=2")
    result = cli("choose", "mine.yaml", *FAST, *options)
    assert (result.exit_code, Path("results").exists()) == (2, False)
    assert "on: some labels occur only in test documents (use 'train')" in result.stderr


LAST = {"models": "rnn", "folds": None, "last": 0.2, "then_fit": True, "on": "all"}


def test_its_answers_are_those_of_trainings_without_the_document():
    settings = {"training.epochs": 40, "training.learning_rate": 0.05}
    choice = choose(**LAST, settings=settings)

    (file,) = Path("results/choice-mine/predictions").glob("rnn-*.npz")
    with np.load(file) as held_out:
        assert np.array_equal(choice.fitted.scores("rnn")[0], held_out["scores"])
        assert np.array_equal(choice.fitted.labels, held_out["labels"])


def test_its_words_are_those_of_all_documents():
    tests = [("tea", "ham"), ("coffee", "spam")] * 5
    write_texts([("text", "label"), *rows()[1:31], *tests])
    choice = choose(**LAST, settings={"training.epochs": 40})

    (answer,) = choice.fitted.model("rnn").answers("tea coffee")
    assert answer.unknown_words == []


def test_a_model_of_all_documents_predicts_but_its_config_is_not_run_again(cli):
    choose(models="nb", folds=2, then_fit=True, on="all")
    told = cli("predict", "results/choice-mine/fitted", "cheap pills").stderr
    assert "the best that was kept (held-out accuracy 1.0000)" in told
    file = "results/choice-mine/fitted/config.yaml"
    for command in ("run", "choose"):
        result = cli(command, file, "--out", "new")
        assert result.exit_code == 2
        assert "data.fit_on_all: no document is left to test on" in result.stderr
    assert not Path("new").exists()


def test_word_vectors_of_a_model_of_all_documents_are_learned_from_all_of_them():
    data = {"source": "files", "path": "texts.csv", "split": "last", "fit_on_all": 1.0}
    dataset = rnnbench.load_dataset(data)
    vectors = pretrained_vectors(dataset, 2, 0.0)
    assert vectors[dataset.x_train.max()].any()
    assert Counter(dataset.test_documents.tolist()) == Counter(range(32))


def test_a_choice_has_a_page_which_a_new_choice_removes(cli):
    choose()
    result = cli("report", "results/choice-mine")

    page = Path(result.stdout.strip())
    assert page == Path("results/choice-mine/report.html")
    text = page.read_text()
    for words in (
        "Recommended: nb[alpha=0.1,max_ngram=1] is the best",
        "rnnbench choose results/choice-mine/config.yaml --folds 3",
        "nb[alpha=0.1,max_ngram=1] (recommended)",
    ):
        assert words in text
    choice = rnnbench.load_choice("results/choice-mine")
    assert str(choice) == str(choose())
    assert not page.exists()
    page.write_text("mine")
    assert "rnnbench did not write it" in cli("report", "results/choice-mine").stderr


def test_what_is_no_choice_is_not_loaded():
    with pytest.raises(rnnbench.UserError, match=r"no choice.json in it"):
        rnnbench.load_choice(".")
    choose(models="always")
    file = Path("results/choice-mine/choice.json")
    file.write_text(file.read_text().replace("always", "never"))
    with pytest.raises(rnnbench.DamagedResultError):
        rnnbench.load_choice(file.parent)


# Samples.


def test_a_sample_has_some_points_of_each_grid(cli):
    command = ("choose", "mine.yaml", *FAST, "--sample", 2)
    first = json.loads(cli(*command, "--json").stdout)
    again = cli(*command)

    names = {candidate["name"] for candidate in first["candidates"]}
    assert {"always", "chance"} < names, "models without grids are all tried"
    assert (len(names), first["searched"], first["n_models"]) == (4, 2, 6)
    assert "started" not in again.stderr, "the same points are drawn"
    caption = " ".join(again.stdout.split())
    drawn = "Random sampling (seed 0) drew at most 2 points of each grid."
    assert drawn in caption


def test_a_sample_may_be_larger_than_a_grid():
    choice = choose(sample=50)

    assert len(choice.results.candidates) == 5
    assert "drew" not in str(choice)


GRID = [f"m[lr=0.{n},units={units}]" for n in range(1, 6) for units in (8, 16)]


def test_a_larger_sample_has_the_points_of_a_smaller_one():
    samples = [draw_points([*GRID, "other"], n) for n in range(1, 12)]

    assert [len(sample) for sample in samples] == [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11]
    assert all(small <= large for small, large in pairwise(samples))


def test_the_draw_never_changes():
    drawn = {"m[lr=0.2,units=16]", "m[lr=0.5,units=16]"}

    assert draw_points(reversed(GRID), 2) == drawn
