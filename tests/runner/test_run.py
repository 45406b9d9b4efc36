"""From a benchmark to the results of its trials, wherever they are trained."""

import json
import weakref
from dataclasses import replace

import pytest
from factories import SOFTMAX, benchmark, corpus_of_texts
from in_process import InProcess
from numpy.testing import assert_array_equal

from rnnbench.config.load import dump
from rnnbench.data.load import prepare, prepare_corpus
from rnnbench.environment import environment
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.baselines import BASELINES
from rnnbench.results.run import load_results
from rnnbench.results.store import ENVIRONMENT, HOLDER, RESULTS, Store
from rnnbench.runner.errors import FailedTrialsError
from rnnbench.runner.events import Ended, EpochEnded, Failed, Finished, Planned
from rnnbench.runner.executors import TrialFailure
from rnnbench.runner.plan import plan_benchmark
from rnnbench.runner.run import run as run_job
from rnnbench.runner.train import Job, find_stored, train
from rnnbench.storage import write_document
from rnnbench.training.ensemble import run_ensemble


@pytest.fixture
def make_plan(tiny_sgml_folder):
    """Plans a benchmark on made-up documents."""

    data = {"source": "sgml", "path": tiny_sgml_folder, "test_split": 0.5}

    def make(**changes):
        config = benchmark(data=data, **changes)
        return plan_benchmark(config, prepare(config.data), threads=1)

    return make


@pytest.fixture
def plan(make_plan):
    """Two models with two seeds."""
    models = {name: {"baseline": "stratified"} for name in ("big", "small")}
    return make_plan(models=models, training={"seeds": [0, 7]})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "run")


def job(store, executor=None, *, fresh=False, **changes):
    """A job that trains plans in this process."""
    return Job(
        benchmark=None,
        config_text="",
        data=None,
        executor=executor or InProcess(),
        store=store,
        command="rnnbench",
        fresh=fresh,
        **changes,
    )


def run(plan, store, executor=None, *, fresh=False):
    """Run a plan; return its outcome and the events."""
    events = []
    return train(job(store, executor, fresh=fresh), plan, events.append), events


def run_all(plan, store, **options):
    """Run a plan in which no trial fails; return its results and the events."""
    done, events = run(plan, store, **options)
    assert (done.failures, done.missing, done.ending) == ({}, [], None)
    return done.trials, events


def rnn(units):
    return {"layers": [{"simple_rnn": {"units": units}}, SOFTMAX]}


def test_every_model_is_planned_with_every_seed_those_that_take_longest_first(
    make_plan,
):
    models = {"small": rnn(2), "big": rnn(5)}

    plan = make_plan(models=models, training={"seeds": [0, 7], "epochs": 1})

    names = ["big seed 0", "big seed 7", "small seed 0", "small seed 7"]
    assert [str(trial) for trial in plan.trials] == names


def test_trials_know_their_documents_by_fingerprints(plan, tiny_sgml_folder):
    dataset = plan.dataset
    assert plan.corpora.keys() == {dataset.corpus_fingerprint}
    for trial in plan.trials:
        assert trial.dataset_fingerprint == dataset.fingerprint
        assert trial.corpus_fingerprint == dataset.corpus_fingerprint
        assert trial.source == "sgml"
        assert str(tiny_sgml_folder) not in repr(trial), "it holds no path"


def test_trials_are_planned_with_the_number_of_documents_left_out_of_a_test_set():
    texts = ["a b", "b a", "a c", "a b c d e"]
    is_test = [False, False, True, True]
    corpus = corpus_of_texts(texts, list("xyxy"), is_test)
    config = benchmark(data={"maxlen": 5})
    data = prepare_corpus(config.data, corpus)

    plan = plan_benchmark(config, data, threads=1)

    assert {trial.n_untested for trial in plan.trials} == {1}


def test_trainings_of_a_program_follow_each_other_after_the_longest(make_plan):
    layers = {"layers": [{"gru": {"units": 2}}, SOFTMAX]}
    models = {}
    for number, rate in enumerate((0.1, 0.2)):
        for size in (2, 4):
            training = {"batch_size": size, "learning_rate": rate, "epochs": 2}
            models[f"m-{size}-{number}"] = layers | {"training": training}
    models["long"] = layers | {"training": {"epochs": 1000}}

    plan = make_plan(models=models, training={"seeds": 1})

    names = [trial.name for trial in plan.trials]
    assert names == ["long", "m-2-0", "m-2-1", "m-4-0", "m-4-1"]


def test_a_baseline_that_no_seed_changes_is_planned_once_before_all_networks(
    make_plan,
):
    models = {
        "svm": {"baseline": "tfidf_linear_svm"},
        "random": {"baseline": "stratified"},
        "rnn": rnn(2),
    }

    trials = make_plan(models=models, training={"seeds": [7, 3], "epochs": 1}).trials

    assert [str(trial) for trial in trials] == [
        "svm seed 7",
        "random seed 7",
        "random seed 3",
        "rnn seed 7",
        "rnn seed 3",
    ]


def test_a_bound_on_steps_gives_the_trials_of_fewer_epochs(make_plan):
    models = {"rnn": rnn(2)}
    bound = {"epochs": 1_000, "max_steps": 1, "batch_size": 1_000}
    one_epoch = {"epochs": 1, "batch_size": 1_000}

    (bounded,) = make_plan(models=models, training=bound).trials

    (short,) = make_plan(models=models, training=one_epoch).trials
    assert bounded.fingerprint == short.fingerprint


def test_a_baseline_whose_package_is_missing_is_refused_before_anything_is_trained(
    make_plan, monkeypatch
):
    monkeypatch.setattr(BASELINES["stratified"], "packages", ("no-such-package",))
    always = {"always": {"baseline": "most_frequent"}}
    lacking = {"random": {"baseline": "stratified"}}

    with pytest.raises(UserError, match=r"^baseline 'stratified' needs no-such-"):
        make_plan(models=always | lacking)
    make_plan(models=always)


def finished(events):
    return [event.trial for event in events if isinstance(event, Finished)]


def test_trials_are_reported_in_their_order(plan, store):
    _, events = run_all(plan, store)

    assert isinstance(events[0], Planned)
    assert events[0].to_train == plan.trials
    assert finished(events) == plan.trials
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [0] * 4


def test_stored_trials_are_not_trained_again(plan, store):
    first, _ = run_all(plan, store)

    again, (event,) = run_all(plan, store)

    assert (event.to_train, set(event.stored)) == ([], set(plan.trials))
    for trial, ours, theirs in zip(plan.trials, again, first, strict=True):
        assert (ours.record.model, ours.record.seed) == (trial.name, trial.seed)
        assert ours.record == theirs.record
        assert_array_equal(ours.scores, theirs.scores)
        assert_array_equal(ours.labels, theirs.labels)


def test_stored_trials_are_trained_again_if_asked_to(plan, store):
    run_all(plan, store)

    _, events = run(plan, store, fresh=True)

    assert finished(events) == plan.trials


def test_a_damaged_trial_is_named_when_it_is_trained_again(plan, store, caplog):
    run_all(plan, store)
    file = min(store.folder.glob("predictions/*"))
    file.write_bytes(b"")

    _, events = run_all(plan, store)

    assert finished(events) == plan.trials[:1]
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
        self.seeds = seeds
        self.traceback = traceback

    def run(self, trials, corpora, listener, task):
        for trial, outcome in super().run(trials, corpora, listener, task):
            if trial.seed in self.seeds:
                yield trial, TrialFailure("no training today", self.traceback)
            else:
                yield trial, outcome


def test_trials_that_fail_are_named_in_the_error(plan, store):
    done, _ = run(plan, store, Fails([7], "Traceback ..."))

    error = FailedTrialsError(None, done, job(store))

    ending = "2 of 4 trials failed."
    reasons = [f"{name} seed 7 failed: no training today" for name in ("big", "small")]
    assert str(error).splitlines() == ["Traceback ...", *reasons, ending]
    assert error.summary == f"Traceback ...\n{ending}"


def test_a_trial_that_fails_is_missing_in_the_result(plan, store):
    done, _ = run(plan, store, Fails([7]))

    missing = [(trial.model, trial.seed, trial.reason) for trial in done.missing]
    reason = "no training today"
    assert missing == [("big", 7, reason), ("small", 7, reason)]
    present = [(trial.record.model, trial.record.seed) for trial in done.trials]
    assert present == [("big", 0), ("small", 0)]


def test_a_trial_that_fails_keeps_no_other_from_being_stored(plan, store):
    _, events = run(plan, store, Fails([7]))

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

    answers = {}
    for trial, result in zip(alone, results, strict=True):
        answers[trial.name, trial.seed] = result
    assert set(find_stored(job(store), plan.trials)) == set(plan.trials)
    assert set(find_stored(job(store, held_out=answers), plan.trials)) == set(alone)


def test_weights_are_stored_instead_of_kept_in_memory(make_plan, store):
    names = "multinomial_naive_bayes", "complement_naive_bayes"
    plan = make_plan(models={name: {"baseline": name} for name in names})
    trials = [replace(trial, keep_model=True) for trial in plan.trials]

    done, events = run(replace(plan, trials=trials), store)

    assert len(list(store.folder.glob("models/*.npz"))) == len(plan.trials)
    results = [event.result for event in events if isinstance(event, Finished)]
    assert {result.weights for result in [*results, *done.trials]} == {None}


class Interrupted(InProcess):
    """Is interrupted after the first trial; the others neither finish nor fail."""

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
    assert len(done.trials) == 4
    assert done.missing == []


@pytest.mark.parametrize(
    ("seeds", "jobs"),
    [
        pytest.param([0, 7], 7, id="nothing"),
        pytest.param([7], 1, id="a trial"),
    ],
)
def test_a_rerun_that_fails_changes_the_environment_if_it_finishes(
    plan, store, seeds, jobs
):
    file = store.folder / ENVIRONMENT
    write_document(file, environment(["keras"], jobs=7, threads=1))

    done, _ = run(plan, store, Fails(seeds))

    assert len(done.failures) == 2 * len(seeds)
    stored = json.loads(file.read_text())
    assert stored["jobs"] == jobs
    assert "keras" in stored["versions"]
    assert "keras" in stored["installed"]


def test_scores_of_many_trials_are_not_kept_in_memory(make_plan, store, monkeypatch):
    names = ("multinomial_naive_bayes", "stratified")
    plan = make_plan(models={name: {"baseline": name} for name in names})
    in_memory, _ = run_all(plan, store)
    monkeypatch.setattr("rnnbench.runner.train.MOST_IN_MEMORY", 0)
    scores = []

    def listen(event):
        if isinstance(event, Finished):
            scores.append(weakref.ref(event.result.scores))

    light = train(job(store, fresh=True), plan, listen).trials
    again, _ = run_all(plan, store)

    assert [reference() for reference in scores] == [None] * len(in_memory)
    for ours, theirs in zip(light + again, in_memory * 2, strict=True):
        assert ours.record.seed == theirs.record.seed
        assert_same_answers(ours, theirs)
        assert_same_answers(ours.without([0]), theirs.without([0]))


def assert_same_answers(ours, theirs):
    assert_array_equal(ours.scores, theirs.scores)
    assert_array_equal(ours.answers, theirs.answers)
    assert ours.score == theirs.score


def whole_job(store, folder):
    data = {"source": "sgml", "path": folder, "test_split": 0.5}
    config = benchmark(data=data, models={"always": {"baseline": "most_frequent"}})
    return replace(
        job(store),
        benchmark=config,
        config_text=dump(config, store.folder),
        data=prepare(config.data),
    )


def test_a_run_ends_its_listener_while_its_folder_is_locked(store, tiny_sgml_folder):
    states = []

    def listen(event):
        is_written = (store.folder / RESULTS).exists()
        is_locked = (store.folder / HOLDER).exists()
        states.append((type(event), is_written, is_locked))

    tables = {"table.md": "a table"}
    stored, _ = run_job(whole_job(store, tiny_sgml_folder), listen, lambda _: tables)

    assert states[0] == (Planned, False, True)
    assert states[-1] == (Ended, True, True)
    assert not (store.folder / HOLDER).exists()
    assert (store.folder / "table.md").read_text() == "a table"
    assert load_results(store.folder) == stored.results


def test_a_run_that_cannot_be_written_ends_its_listener_in_a_locked_folder(
    store, tiny_sgml_folder
):
    states = []

    def listen(event):
        states.append((type(event), (store.folder / HOLDER).exists()))

    def tables(_):
        raise RnnbenchError("the disk is full")

    with pytest.raises(RnnbenchError, match="disk"):
        run_job(whole_job(store, tiny_sgml_folder), listen, tables)

    assert states[-1] == (Ended, True)
