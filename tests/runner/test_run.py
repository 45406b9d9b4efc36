"""From a benchmark to the results of its trials, wherever they are trained."""

import json
import weakref
from dataclasses import replace

import numpy as np
import pytest
from factories import SOFTMAX, benchmark, corpus_of_texts
from in_process import InProcess

from rnnbench.data.load import prepare, prepare_corpus
from rnnbench.environment import environment
from rnnbench.errors import UserError
from rnnbench.models.baselines import BASELINES
from rnnbench.results.store import ENVIRONMENT, Store
from rnnbench.runner.errors import FailedTrialsError
from rnnbench.runner.events import EpochEnded, Failed, Finished, Planned
from rnnbench.runner.executors import TrialFailure
from rnnbench.runner.plan import plan_benchmark
from rnnbench.runner.train import Job, find_stored, train
from rnnbench.storage import write_document
from rnnbench.training.trial import run_ensemble


@pytest.fixture
def make_plan(tiny_sgml_folder):
    """Plans a benchmark on made-up documents."""

    def make(data=None, **changes):
        data = {"source": "sgml", "path": tiny_sgml_folder, "test_split": 0.5} | (
            data or {}
        )
        plan = benchmark(data=data, **changes)
        return plan_benchmark(plan, prepare(plan.data), threads=1)

    return make


@pytest.fixture
def plan(make_plan):
    """Two models with two seeds."""
    models = {name: {"baseline": "stratified"} for name in ("big", "small")}
    return make_plan(models=models, training={"seeds": [0, 7]})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "run")


def job(store, executor=None, **facts):
    """A job that trains plans in this process."""
    return Job(
        benchmark=None,
        config_text="",
        data=None,
        executor=executor or InProcess(),
        store=store,
        command="rnnbench",
        **{"fresh": False} | facts,
    )


def run(plan, store, executor=None, *, fresh=False):
    """Run a plan; return its outcome and the events."""
    events = []
    return train(job(store, executor, fresh=fresh), plan, events.append), events


def run_all(plan, store, **options):
    """Run a plan in which no trial fails; return the results of its trials and the
    events.
    """
    done, events = run(plan, store, **options)
    assert (done.failures, done.missing, done.ending) == ({}, [], None)
    return done.trials, events


def test_every_model_is_planned_with_every_seed_those_that_take_longest_first(
    make_plan, tiny_sgml_folder
):
    layers = [{"simple_rnn": {"units": units}} for units in (2, 5)]
    small, big = ({"layers": [layer, SOFTMAX]} for layer in layers)
    plan = make_plan(
        models={"small": small, "big": big}, training={"seeds": [0, 7], "epochs": 1}
    )

    names = ["big seed 0", "big seed 7", "small seed 0", "small seed 7"]
    assert [str(trial) for trial in plan.trials] == names
    assert {trial.dataset_fingerprint for trial in plan.trials} == {
        plan.dataset.fingerprint
    }
    assert {trial.source for trial in plan.trials} == {"sgml"}
    assert {trial.corpus_fingerprint for trial in plan.trials} == plan.corpora.keys()
    assert plan.corpora.keys() == {plan.dataset.corpus_fingerprint}
    assert str(tiny_sgml_folder) not in repr(plan.trials), "they hold no path"


def test_trials_are_planned_with_the_number_of_documents_left_out_of_a_test_set():
    texts = ["a b", "b a", "a c", "a b c d e"]
    made_up = corpus_of_texts(texts, list("xyxy"), [False, False, True, True])
    plan = benchmark(data={"maxlen": 5})

    planned = plan_benchmark(plan, prepare_corpus(plan.data, made_up), threads=1)

    assert {trial.n_untested for trial in planned.trials} == {1}


def test_the_longest_training_comes_first_and_programs_are_shared(make_plan):
    layers = [{"gru": {"units": 2}}, SOFTMAX]
    models = {
        f"m-{size}-{n}": {
            "layers": layers,
            "training": {"batch_size": size, "learning_rate": rate, "epochs": 2},
        }
        for n, rate in enumerate((0.1, 0.2))
        for size in (2, 4)
    }
    models["long"] = {"layers": layers, "training": {"epochs": 1000}}

    names = [
        trial.name for trial in make_plan(models=models, training={"seeds": 1}).trials
    ]

    assert names == ["long", "m-2-0", "m-2-1", "m-4-0", "m-4-1"]


def test_a_baseline_that_no_seed_changes_is_planned_once_and_after_all_networks(
    make_plan,
):
    models = {
        "svm": {"baseline": "tfidf_linear_svm"},
        "random": {"baseline": "stratified"},
        "rnn": {"layers": [{"simple_rnn": {"units": 2}}, SOFTMAX]},
    }

    trials = make_plan(models=models, training={"seeds": [7, 3], "epochs": 1}).trials

    assert [str(trial) for trial in trials] == [
        "rnn seed 7",
        "rnn seed 3",
        "svm seed 7",
        "random seed 7",
        "random seed 3",
    ]


def test_a_baseline_whose_package_is_missing_is_refused_before_anything_is_trained(
    make_plan, monkeypatch
):
    monkeypatch.setattr(BASELINES["stratified"], "packages", ("no-such-package",))

    always, it = (
        {"always": {"baseline": "most_frequent"}},
        {"it": {"baseline": "stratified"}},
    )

    with pytest.raises(
        UserError, match=r"^baseline 'stratified' needs no-such-package$"
    ):
        make_plan(models=always | it)
    make_plan(models=always)


def test_trials_are_reported_and_stored_and_not_trained_again(plan, store):
    first, events = run_all(plan, store)

    assert isinstance(events[0], Planned)
    assert events[0].to_train == plan.trials
    finished = [event.trial for event in events if isinstance(event, Finished)]
    assert finished == plan.trials
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [0] * 4

    again, events = run_all(plan, store)

    assert [(result.record.model, result.record.seed) for result in again] == [
        (trial.name, trial.seed) for trial in plan.trials
    ]
    for ours, theirs in zip(again, first, strict=True):
        assert ours.record == theirs.record
        np.testing.assert_array_equal(ours.scores, theirs.scores)
        np.testing.assert_array_equal(ours.labels, theirs.labels)
    (event,) = events
    assert (event.to_train, set(event.stored)) == ([], set(plan.trials))

    _, events = run(plan, store, fresh=True)

    assert sum(isinstance(event, Finished) for event in events) == len(plan.trials)


def test_a_damaged_trial_is_named_and_trained_again(plan, store, caplog):
    run_all(plan, store)
    file = min(store.folder.glob("predictions/*"))
    file.write_bytes(b"")

    _, events = run_all(plan, store)

    assert [
        event.trial for event in events if isinstance(event, Finished)
    ] == plan.trials[:1]
    assert f"unusable result: {file}: changed since" in caplog.text
    assert "was stored; it is not used" in caplog.text


def test_of_a_plan_that_grew_only_what_is_new_is_trained(make_plan, store):
    models = {"svm": {"baseline": "tfidf_linear_svm"}}
    run(make_plan(models=models), store)

    models["random"] = {"baseline": "stratified"}
    grown = make_plan(models=models, training={"epochs": 9, "seeds": 2})
    results, events = run_all(grown, store)

    assert [str(trial) for trial in events[0].to_train] == [
        "random seed 0",
        "random seed 1",
    ]
    assert [str(trial) for trial in events[0].stored] == ["svm seed 0"]
    assert len(results) == 3


class Fails(InProcess):
    """Fails on all trials, or on those of one seed."""

    def __init__(self, seeds, traceback=""):
        super().__init__()
        self.seeds, self.traceback = seeds, traceback

    def run(self, trials, corpora, listener, task):
        for trial, outcome in super().run(trials, corpora, listener, task):
            failure = TrialFailure("no training today", self.traceback)
            yield trial, failure if trial.seed in self.seeds else outcome


def test_a_trial_that_fails_is_named_and_the_others_are_stored(plan, store):
    done, events = run(plan, store, Fails([7], "Traceback ..."))

    error = FailedTrialsError(None, done, job(store))
    ending = "2 of 4 trials failed."
    reasons = [f"{name} seed 7 failed: no training today" for name in ("big", "small")]
    assert str(error).splitlines() == ["Traceback ...", *reasons, ending]
    assert error.summary == f"Traceback ...\n{ending}"
    assert [(trial.model, trial.seed, trial.reason) for trial in done.missing] == [
        ("big", 7, "no training today"),
        ("small", 7, "no training today"),
    ]
    assert [(result.record.model, result.record.seed) for result in done.trials] == [
        ("big", 0),
        ("small", 0),
    ]
    failed = {event.trial for event in events if isinstance(event, Failed)}
    assert failed == {trial for trial in plan.trials if trial.seed == 7}
    assert set(find_stored(job(store), plan.trials)) == set(plan.trials) - failed


def test_an_ensemble_is_made_again_of_answers_of_a_choice(make_plan, store):
    names = "multinomial_naive_bayes", "complement_naive_bayes"
    models = {name: {"baseline": name} for name in names}
    plan = make_plan(models=models | {"both": {"ensemble": {"of": names}}})
    *alone, both = sorted(plan.trials, key=lambda trial: len(trial.members))
    results, _ = run_all(replace(plan, trials=alone), store)
    store.save(run_ensemble(both, results, results[0].labels))

    answers = {
        (trial.name, trial.seed): own for trial, own in zip(alone, results, strict=True)
    }
    assert set(find_stored(job(store), plan.trials)) == set(plan.trials)
    assert set(find_stored(job(store, held_out=answers), plan.trials)) == set(alone)


def test_weights_are_stored_and_not_kept_in_memory(make_plan, store):
    names = "multinomial_naive_bayes", "complement_naive_bayes"
    plan = make_plan(models={name: {"baseline": name} for name in names})
    keeping = replace(
        plan, trials=[replace(trial, keep_model=True) for trial in plan.trials]
    )

    done, events = run(keeping, store)

    assert len(list(store.folder.glob("models/*.npz"))) == len(plan.trials)
    results = [event.result for event in events if isinstance(event, Finished)]
    assert {result.weights for result in [*results, *done.trials]} == {None}


class Interrupted(InProcess):
    """Is interrupted after the first trial, so that the others neither finish nor
    fail.
    """

    def run(self, trials, corpora, listener, task):
        outcomes = super().run(trials, corpora, listener, task)
        yield next(outcomes)
        raise KeyboardInterrupt


def test_trials_that_ctrl_c_kept_from_being_trained_again_keep_their_stored_result(
    plan, store
):
    run(plan, store, InProcess())

    done, _ = run(plan, store, Interrupted(), fresh=True)

    assert isinstance(done.ending, KeyboardInterrupt)
    assert (len(done.trials), done.missing) == (4, [])


@pytest.mark.parametrize(
    ("seeds", "jobs"), [([0, 7], 7), ([7], 1)], ids=["nothing", "a trial"]
)
def test_a_rerun_that_fails_changes_the_environment_if_it_finishes(
    plan, store, seeds, jobs
):
    write_document(
        store.folder / ENVIRONMENT, environment(["keras"], jobs=7, threads=1)
    )

    done, _ = run(plan, store, Fails(seeds))

    assert len(done.failures) == 2 * len(seeds)
    found = json.loads((store.folder / "environment.json").read_text())
    assert found["jobs"] == jobs
    assert ("keras" in found["versions"], "keras" in found["installed"]) == (True, True)


def test_scores_of_many_trials_are_not_kept_in_memory(make_plan, store, monkeypatch):
    models = {
        name: {"baseline": name} for name in ("multinomial_naive_bayes", "stratified")
    }
    plan = make_plan(models=models)
    whole = run_all(plan, store)[0]
    monkeypatch.setattr("rnnbench.runner.train.MOST_IN_MEMORY", 0)
    scores = []

    def listen(event):
        if isinstance(event, Finished):
            scores.append(weakref.ref(event.result.scores))

    light = train(job(store, fresh=True), plan, listen).trials
    again = run_all(plan, store)[0]

    assert [reference() for reference in scores] == [None] * len(whole)
    for ours in (light, again):
        assert [one.record.seed for one in ours] == [one.record.seed for one in whole]
        for one, other in zip(ours, whole, strict=True):
            np.testing.assert_array_equal(one.scores, other.scores)
            np.testing.assert_array_equal(one.answers, other.answers)
            np.testing.assert_array_equal(
                one.without([0]).scores, other.without([0]).scores
            )
            assert one.score == other.score
            assert one.without([0]).score == other.without([0]).score
