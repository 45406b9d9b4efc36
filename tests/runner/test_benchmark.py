import json

import numpy as np
import pytest
from factories import SOFTMAX, benchmark

from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.baselines import BASELINES
from rnnbench.records import SCHEMA_VERSION
from rnnbench.results.store import Store
from rnnbench.runner import trials as runner
from rnnbench.runner.benchmark import plan_benchmark, run_plan
from rnnbench.runner.events import Finished
from rnnbench.runner.workers import Workforce
from rnnbench.training.trial import run_trial

WORKFORCE = Workforce(jobs=1, threads=1)


@pytest.fixture
def make_plan(tiny_sgml_folder):
    """Plans a benchmark on made-up wires."""

    def make(data=None, **changes):
        data = {"source": "sgml", "path": tiny_sgml_folder, "test_split": 0.5} | (data or {})
        return plan_benchmark(benchmark(data=data, **changes), lambda *_: None, WORKFORCE)

    return make


@pytest.fixture
def plan(make_plan):
    """Two models with two seeds."""
    layers = [{"simple_rnn": {"units": units}} for units in (2, 5)]
    small, big = ({"layers": [layer, SOFTMAX]} for layer in layers)
    return make_plan(models={"small": small, "big": big}, training={"seeds": [0, 7], "epochs": 1})


def test_every_model_is_planned_with_every_seed_those_that_take_longest_first(plan):
    assert [(trial.name, trial.seed) for trial in plan.trials] == [
        ("big", 0),
        ("big", 7),
        ("small", 0),
        ("small", 7),
    ]
    assert {trial.dataset_fingerprint for trial in plan.trials} == {plan.dataset.fingerprint}
    assert {trial.source for trial in plan.trials} == {"sgml"}


def test_a_baseline_that_no_seed_changes_is_planned_once_and_after_all_networks(make_plan):
    models = {
        "svm": {"baseline": "tfidf_linear_svm"},
        "random": {"baseline": "stratified"},
        "rnn": {"layers": [{"simple_rnn": {"units": 2}}, SOFTMAX]},
    }

    trials = make_plan(models=models, training={"seeds": [7, 3], "epochs": 1}).trials

    assert [(trial.name, trial.seed) for trial in trials] == [
        ("rnn", 7),
        ("rnn", 3),
        ("svm", 7),
        ("random", 7),
        ("random", 3),
    ]


@pytest.mark.parametrize("kind", BASELINES)
def test_every_kind_of_baseline_is_planned_as_often_as_seeds_can_change_it(make_plan, kind):
    plan = make_plan(models={"it": {"baseline": kind}}, training={"seeds": 3})

    assert len(plan.trials) == (3 if kind == "stratified" else 1)


def test_the_dataset_is_described_with_the_wires_of_each_topic_by_label(plan):
    dataset = plan.dataset

    assert [count.topic for count in dataset.topics] == ["earn", "acq"]
    assert sum(count.train for count in dataset.topics) == dataset.train_size == 22
    assert sum(count.test for count in dataset.topics) == dataset.test_size == 22
    assert dataset.majority_topic == "earn"
    assert dataset.majority_accuracy == dataset.topics[0].test / 22


def test_how_wires_are_cut_and_padded_makes_another_dataset_of_the_same_split(make_plan):
    ours, padded, split_otherwise = (
        make_plan(data).dataset for data in ({}, {"padding": "post"}, {"seed": 1})
    )

    assert ours.fingerprint != padded.fingerprint
    assert ours.split_fingerprint == padded.split_fingerprint
    assert ours.split_fingerprint != split_otherwise.split_fingerprint


@pytest.mark.parametrize("share", [0.01, 0.04])
def test_a_share_that_holds_no_wire_out_is_refused_before_anything_is_trained(make_plan, share):
    with pytest.raises(UserError, match=rf"^training\.validation_split: {share} of 22 .*leaves 0"):
        make_plan(training={"validation_split": share})


def test_what_is_stored_is_not_trained_again(plan, tmp_path):
    store, events = Store(tmp_path / "run"), []
    first = run_plan(plan, store, lambda _: None)

    again = run_plan(plan, store, events.append)

    assert [(each.record.model, each.record.seed) for each in first] == [
        (trial.name, trial.seed) for trial in plan.trials
    ]
    assert [each.record for each in again] == [each.record for each in first]
    for ours, theirs in zip(again, first, strict=True):
        np.testing.assert_array_equal(ours.scores, theirs.scores)
        np.testing.assert_array_equal(ours.labels, theirs.labels)
    (event,) = events
    assert event.to_train == []
    assert set(event.stored) == set(plan.trials)


def test_of_a_plan_that_grew_only_what_is_new_is_trained(make_plan, tmp_path):
    store, events = Store(tmp_path / "run"), []
    models = {"svm": {"baseline": "tfidf_linear_svm"}}
    run_plan(make_plan(models=models), store, lambda _: None)

    models["random"] = {"baseline": "stratified"}
    grown = make_plan(models=models, training={"epochs": 9, "seeds": 2})
    results = run_plan(grown, store, events.append)

    assert [str(trial) for trial in events[0].to_train] == ["random seed 0", "random seed 1"]
    assert [str(trial) for trial in events[0].stored] == ["svm seed 0"]
    assert len(results) == 3


def test_fresh_trains_what_is_stored(plan, tmp_path):
    store, events = Store(tmp_path / "run"), []
    run_plan(plan, store, lambda _: None)

    run_plan(plan, store, events.append, fresh=True)

    assert sum(isinstance(event, Finished) for event in events) == len(plan.trials)


def _fail(*_):
    raise RnnbenchError("no training today")


def test_the_environment_is_stored_before_anything_is_trained(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "run_trial", _fail)
    store = Store(tmp_path / "run")

    with pytest.raises(RnnbenchError, match="no training today"):
        run_plan(plan, store, lambda _: None)

    environment = json.loads((store.folder / "environment.json").read_text())
    assert (environment["jobs"], environment["threads_per_job"]) == (1, 1)


def _fail_but_for_seed_0(trial, on_epoch):
    if trial.seed:
        raise RnnbenchError("no training today")
    return run_trial(trial, on_epoch)


@pytest.mark.parametrize(
    ("train", "jobs"), [(_fail, 7), (_fail_but_for_seed_0, 1)], ids=["nothing", "a trial"]
)
def test_a_rerun_that_fails_changes_the_environment_if_it_finishes(
    plan, tmp_path, monkeypatch, train, jobs
):
    store = Store(tmp_path / "run")
    store.save_environment({"schema_version": SCHEMA_VERSION, "jobs": 7})
    monkeypatch.setattr(runner, "run_trial", train)

    with pytest.raises(RnnbenchError, match="no training today"):
        run_plan(plan, store, lambda _: None)

    assert json.loads((store.folder / "environment.json").read_text())["jobs"] == jobs
