"""Summaries of runs, with all documents and without some, and finished runs read
back.
"""

import json
import re
import shutil
from dataclasses import replace
from itertools import chain, product

import numpy as np
import pytest
from factories import (
    MACHINE,
    MARGINS,
    SOFTMAX,
    benchmark,
    dataset_summary,
    finished_run,
    record,
    result,
    scored_run,
    write_run,
)
from numpy.random import default_rng
from numpy.testing import assert_array_equal

from rnnbench.analysis.comparisons import parts_of
from rnnbench.analysis.model_summary import statistic
from rnnbench.analysis.published import locate_published
from rnnbench.analysis.summary import (
    drop_duplicates,
    load_run,
    load_runs,
    summarize_run,
)
from rnnbench.analysis.trial_metrics import compute_metrics, metrics_of
from rnnbench.config.load import dump
from rnnbench.data.summary import rest_of
from rnnbench.environment import environment
from rnnbench.errors import UserError
from rnnbench.metrics import usable_metrics
from rnnbench.results.run import load_results, save_run
from rnnbench.results.store import Store
from rnnbench.results.stored_run import StoredRun
from rnnbench.stats.correctness import Correctness, Interval
from rnnbench.stats.intervals import estimate_difference, score_interval, t_interval
from rnnbench.stats.paired import ANOVA, BLOCKS, MCNEMAR
from rnnbench.storage import DamagedResultError, write_document
from rnnbench.tasks import Decision
from rnnbench.training.outcome import TrialResult

RIGHT = (0, 0, 1, 2)
ALWAYS_EARN = (0, 0, 0, 0)
ALWAYS = "always 'earn'"


def summarize(*trials):
    """The summary of the only model."""
    (model,) = summarize_run(benchmark(), dataset_summary(), {"rnn": trials}).models
    return model


def test_a_statistic_has_students_interval():
    over_three = statistic([1.0, 2.0, 3.0])

    assert (over_three.mean, over_three.std, over_three.n) == (2.0, 1.0, 3)
    assert over_three.over_seeds == t_interval([1.0, 2.0, 3.0])
    assert statistic([0.5]).std is statistic([0.5]).over_seeds is None


def test_a_model_is_summarized_over_its_seeds():
    trials = [result(RIGHT, seed=0), result((0, 1, 1, 0), seed=7, fingerprint="a" * 64)]

    summary = summarize(*trials)

    metrics = [measured.means for measured in compute_metrics(trials).values()]
    assert list(metrics[0]) == list(usable_metrics())
    assert summary.metrics == {
        name: statistic([entry[name] for entry in metrics]) for name in usable_metrics()
    }
    assert summary.score.mean == summary.mean_of("accuracy") == (1 + 0.5) / 2
    assert [(entry.seed, entry.fingerprint[0]) for entry in summary.trials] == [
        (0, "f"),
        (7, "a"),
    ]
    assert (
        [entry.metrics for entry in summary.trials]
        == list(map(metrics_of, trials))
        == metrics
    )


def test_the_log_loss_has_an_interval_over_documents_and_seeds():
    trials = [result(RIGHT, seed=0), result((0, 1, 1, 0), seed=7, fingerprint="a" * 64)]

    summary = summarize(*trials)

    losses = [
        measured.losses["log_loss"] for measured in compute_metrics(trials).values()
    ]
    expected = score_interval(Correctness(np.stack(losses), is_loss=True))
    assert summary.intervals == {"log_loss": expected}


def test_a_model_without_steps_or_probabilities_has_no_statistic_of_them():
    trials = [result(RIGHT, ms_per_step=None, **MARGINS), result(RIGHT)]

    assert "log_loss" not in summarize(trials[0]).metrics
    assert (
        summarize(trials[0]).mean_of("log_loss")
        is summarize(trials[0]).ms_per_step
        is None
    )
    assert (
        summarize(*trials).metrics["log_loss"].n
        == summarize(*trials).ms_per_step.n
        == 1
    )


def test_the_topics_of_test_documents_that_no_seed_answers_are_never_predicted():
    trial = result(ALWAYS_EARN, seed=0)
    other = result((1, 1, 1, 1), seed=1)
    without_grain = TrialResult(
        trial.record, np.array([0, 0, 1, 1], np.int32), trial.scores
    )

    assert summarize(trial, other).topics_never_predicted == ["grain"]
    assert summarize(without_grain).topics_never_predicted == ["acq"]


def test_all_pairs_are_compared_in_the_order_of_the_config():
    answers = {"z": [RIGHT], "a": [ALWAYS_EARN], "b": [RIGHT, ALWAYS_EARN]}

    results = finished_run(answers).results

    assert [model.name for model in results.models] == ["z", "a", "b"]
    assert [
        (entry.a, entry.b, entry.difference, entry.method)
        for entry in results.comparisons
    ] == [
        ("z", "a", 0.5, MCNEMAR),
        ("z", "b", 0.25, ANOVA),
        ("z", ALWAYS, 0.5, MCNEMAR),
        ("a", "b", -0.25, ANOVA),
        ("a", ALWAYS, 0, MCNEMAR),
        ("b", ALWAYS, 0.25, ANOVA),
    ]
    dataset = dataset_summary(majority_topic="grain", majority_score=0.25)
    (other,) = summarize_run(
        benchmark(), dataset, {"rnn": [result(ALWAYS_EARN)]}
    ).comparisons
    assert (other.b, other.difference) == ("always 'grain'", 0.25), (
        "the majority in training"
    )


def test_documents_in_order_of_time_are_compared_by_blocks():
    dataset = {"duplicates": {"same_topic": [3]}, "in_order": True}

    run = scored_run({"a": [160, 150, 140], "b": [100]}, of=200, dataset=dataset)

    hits = {
        name: Correctness(parts_of(trials), in_order=True)
        for name, trials in run.trials.items()
    }
    for model in run.results.models:
        assert model.interval == score_interval(hits[model.name])
    for comparisons in (
        run.results.comparisons,
        run.results.without_duplicates.comparisons,
    ):
        assert [entry.method for entry in comparisons] == [ANOVA, ANOVA, BLOCKS]
    single = (
        replace(of_model, in_order=False, is_random=True) for of_model in hits.values()
    )
    of_blocks = estimate_difference(*hits.values())
    assert run.results.comparisons[0].p == of_blocks.p > estimate_difference(*single).p


def test_results_have_the_facts_of_the_run():
    rnn = benchmark().models["rnn"]
    models = {"a": rnn, "b": rnn, "c": rnn, "naive": {"baseline": "most_frequent"}}
    training = {"epochs": 7, "seeds": [3, 5], "validation_split": 0.25}
    engines = {"a": "native", "b": "keras", "c": "native", "naive": "scikit-learn"}
    trials = {
        name: [result(model=name, engine=engine, threads=len(name))]
        for name, engine in reversed(engines.items())
    }

    plan = benchmark(training=training, models=models)
    results = summarize_run(
        plan, dataset_summary(), trials, command="rnnbench run small.yaml"
    )

    facts_of_run = {
        "name": "small",
        "command": "rnnbench run small.yaml",
        "dataset": dataset_summary(),
        "seeds": [3, 5],
        "epochs": 7,
        "engine": "native (a, c), keras (b)",
        "validation_split": 0.25,
        "threads": [1, 5],
    }
    assert {key: getattr(results, key) for key in facts_of_run} == facts_of_run
    kinds = {model.name: model.is_baseline for model in results.models}
    assert [*kinds.items()] == [
        ("a", False),
        ("b", False),
        ("c", False),
        ("naive", True),
    ]
    assert results.metrics == list(usable_metrics())


OURS = {
    "source": "notebook",
    "dataset": "d" * 64,
    "training": {"epochs": 1, "batch_size": 4},
    "models": {"rnn": {"params": 10, "accuracy": 0.7563}},
}
OTHERS = {
    "source": "a paper",
    "split": "5" * 64,
    "models": {"Text GCN": {"accuracy": 0.9707}, "fastText": {"accuracy": 0.9613}},
}
NAMES = ["low", "rnn", "high"]
ANSWERS = [(0, 0, 0, 1), (0, 0, 1, 1), (0, 0, 1, 2)]
"""The answers of three trials, which are right about 2, 3 and 4 of the 4 test
documents."""


def named(references):
    return {f"reference{number}": entry for number, entry in enumerate(references)}


def published(*references, intervals=((0.7, 0.8),) * 3, training=None, **changes):
    """The published accuracies that are shown beside our three models, of 10 parameters
    each.
    """
    plan = benchmark(
        models=dict.fromkeys(NAMES, benchmark().models["rnn"]),
        references=named(references),
        training={"epochs": 1, "batch_size": 4} | (training or {}),
    )
    dataset = dataset_summary(**changes)
    ours = summarize_run(
        plan, dataset, {name: [result(model=name)] for name in NAMES}
    ).models
    models = [
        model.model_copy(update={"interval": Interval(low=low, high=high)})
        for model, (low, high) in zip(ours, intervals, strict=True)
    ]
    return list(locate_published(plan, dataset, models))


def of_several_seeds(*references, answers=ANSWERS):
    """The results of one model with several trials."""
    trials = [result(answer, seed=seed) for seed, answer in enumerate(answers)]
    training = {"epochs": 1, "batch_size": 4, "seeds": len(trials)}
    plan = benchmark(training=training, references=named(references))
    return summarize_run(plan, dataset_summary(), {"rnn": trials})


@pytest.mark.parametrize(
    ("changes", "is_shown"),
    [
        ({}, True),
        ({"training": None}, True),
        ({"models": {"rnn": {"accuracy": 0.7563}}}, True),
        ({"dataset": "e" * 64}, False),
        ({"training": {"epochs": 200, "batch_size": 4}}, False),
        ({"training": {"epochs": 1, "batch_size": 50}}, False),
        ({"training": {"epochs": 1, "batch_size": 4, "optimizer": "sgd"}}, False),
        ({"training": {"epochs": 1, "batch_size": 4, "learning_rate": 0.01}}, False),
        ({"training": {"epochs": 1, "batch_size": 4, "validation_split": 0.1}}, False),
        ({"models": {"rnn": {"params": 11, "accuracy": 0.7563}}}, False),
        ({"models": {"another": {"params": 10, "accuracy": 0.7563}}}, False),
    ],
    ids=str,
)
def test_an_accuracy_of_our_model_is_shown_if_no_setting_that_is_known_differs(
    changes, is_shown
):
    scores = published(OURS | changes, training={"engine": "keras", "seeds": [3]})

    assert [(entry.source, entry.model, entry.score) for entry in scores] == [
        ("notebook", "rnn", 0.7563)
    ] * is_shown
    assert [(*entry.intervals, entry.lies("rnn")) for entry in scores] == [
        ("rnn", "inside")
    ] * is_shown


def test_an_accuracy_of_our_model_is_compared_with_the_interval_of_one_more_training():
    results = of_several_seeds(OURS)

    (score,), (model,) = results.published, results.models
    assert score.yardstick == "of one more training"
    assert score.intervals == {"rnn": t_interval([0.5, 0.75, 1.0], more=1)}
    assert score.intervals["rnn"].low < model.score.over_seeds.low
    for other in of_several_seeds(OTHERS).published:
        assert other.yardstick == "over documents and seeds"
        assert other.intervals == {"rnn": model.interval}


def test_an_accuracy_of_our_model_is_compared_over_documents_after_one_training():
    (single,) = of_several_seeds(OURS, answers=ANSWERS[:1]).published
    wilsons = score_interval(Correctness(np.array([[True, True, False, False]])))
    assert (single.yardstick, single.intervals) == (
        "over documents",
        {"rnn": wilsons},
    )


def test_accuracies_of_other_models_are_compared_with_all_of_ours_on_the_same_split():
    scores = published(
        OTHERS, OURS, intervals=[(0.5, 0.6), (0.9, 0.9613), (0.97, 0.98)]
    )

    places = [
        (entry.model, {name: entry.lies(name) for name in entry.intervals})
        for entry in scores
    ]
    assert places == [
        ("Text GCN", {"low": "above", "rnn": "above", "high": "inside"}),
        ("fastText", {"low": "above", "rnn": "inside", "high": "below"}),
        ("rnn", {"rnn": "below"}),
    ]


def test_another_split_rules_out_other_models_another_padding_only_ours():
    assert published(OTHERS, split_fingerprint="6" * 64) == []
    scores = published(OURS, OTHERS, fingerprint="e" * 64)
    assert {entry.source for entry in scores} == {"a paper"}


LABELS = [0, 0, 1, 2] * 10
DUPLICATES = [0, 5, 6, 39]


def run_with(duplicates, answers=None, clusters=None):
    """A run of two models of three seeds, with these test documents in the training
    set.
    """
    random = default_rng(0)
    answers = answers or {
        name: [
            np.where(random.random(40) < share, LABELS, 1).tolist() for _ in range(3)
        ]
        for name, share in (("rnn", 0.5), ("lstm", 0.9))
    }
    facts = {
        "test_size": 40,
        "duplicates": {"other_topics": duplicates},
        "clusters": clusters,
    }
    return finished_run(answers, labels=LABELS, dataset=facts, training={"seeds": 3})


def test_a_run_without_duplicates_has_the_answers_to_the_other_documents():
    run = run_with(DUPLICATES)
    rest = drop_duplicates(run)

    kept = np.setdiff1d(np.arange(40), DUPLICATES)
    for model, trials in rest.trials.items():
        for trial, complete in zip(trials, run.trials[model], strict=True):
            assert (trial.labels == complete.labels[kept]).all()
            assert (trial.scores == complete.scores[kept]).all()


def test_the_summary_without_duplicates_is_that_of_the_other_documents():
    run = run_with(DUPLICATES)
    summary = run.results.without_duplicates
    rest = drop_duplicates(run)

    assert rest.results.dataset.test_size == summary.test_size == 36
    assert summary.scores == {model.name: model.score for model in rest.results.models}
    assert summary.comparisons == rest.results.comparisons
    assert summary.majority_score == rest.results.dataset.majority_score == 18 / 36
    assert (rest.folder, rest.results.without_duplicates) == (run.folder, None)


def test_near_copies_are_dropped_like_duplicates():
    run = run_with([])
    dataset = run.results.dataset.model_copy(update={"near_copies": DUPLICATES})
    summary = summarize_run(run.benchmark, dataset, run.trials)
    copies = run_with(DUPLICATES).results

    assert summary.without_duplicates == copies.without_duplicates
    assert summary.changed_verdicts == copies.changed_verdicts


def test_a_run_without_duplicates_of_none_is_that_run():
    none = run_with([])

    assert drop_duplicates(none) is none
    assert (none.results.without_duplicates, none.results.changed_verdicts) == (
        None,
        [],
    )


def test_duplicates_in_clusters_are_left_out_of_them():
    run = run_with(DUPLICATES, clusters=[place // 2 for place in range(40)])
    rest = drop_duplicates(run)

    assert run.results.without_duplicates.comparisons == rest.results.comparisons
    assert len(rest.results.dataset.clusters) == 40 - len(DUPLICATES)


def test_a_run_on_nothing_but_duplicates_is_left_out_or_refused(tmp_path, caplog):
    good, bad = (
        write_run(replace(run_with(duplicates), folder=tmp_path / name))
        for name, duplicates in (("good", DUPLICATES), ("bad", list(range(40))))
    )

    (run,) = load_runs([good, bad], without_duplicates=True)

    assert run.results.dataset.test_size == 36
    assert load_run(bad).results.without_duplicates is None
    assert "all test documents are also in the training set, left out" in caplog.text
    with pytest.raises(UserError, match="all test documents"):
        load_runs([bad], without_duplicates=True)


# Finished runs

PLAN = benchmark(
    models={
        "rnn": {"layers": [{"simple_rnn": {"units": 3}}, SOFTMAX]},
        "svm": {"baseline": "tfidf_linear_svm"},
    },
    training={"epochs": 1, "seeds": [7, 3]},
)
TRIALS = {
    "rnn": [
        result(answers=(0, 0, 0, 1), model="rnn", seed=7, fingerprint="7" * 64),
        result(answers=(0, 0, 1, 2), model="rnn", seed=3, fingerprint="3" * 64),
    ],
    "svm": [
        result(
            answers=(2, 0, 1, 1), model="svm", seed=7, fingerprint="a" * 64, **MARGINS
        )
    ],
}
RESULTS = summarize_run(PLAN, dataset_summary(), TRIALS, "rnnbench run small.yaml")
RECORD = "trials/rnn-seed3*.json"
PREDICTIONS = "predictions/rnn-seed3*.npz"
FILES = ["results.json", "config.yaml", "environment.json", RECORD, PREDICTIONS]
ENVIRONMENT = environment(["keras"], jobs=2, threads=1)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run, as ``rnnbench run`` leaves it."""
    folder = tmp_path_factory.mktemp("finished") / "small"
    store = Store(folder)
    write_document(store.folder / "environment.json", ENVIRONMENT)
    for trial in chain.from_iterable(TRIALS.values()):
        store.save(trial)
    save_run(folder, RESULTS, {"config.yaml": dump(PLAN, folder)})
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of that folder, to be damaged."""
    return shutil.copytree(finished, tmp_path / "small")


def find(folder, pattern):
    (file,) = folder.glob(pattern)
    return file


def refusal(folder, pattern, reason=""):
    """Expect an error that names a file, and the reason."""
    name = re.escape(find(folder, pattern).name)
    return pytest.raises(
        DamagedResultError, match=rf"^unusable result: .*{name}[\s\S]*{reason}"
    )


def test_a_run_comes_back_as_it_was_left(finished):
    run = load_run(finished)

    assert run.folder == finished
    assert run.results == load_results(finished) == RESULTS
    assert run.benchmark == PLAN
    assert run.environment == ENVIRONMENT
    assert {
        name: [trial.record for trial in entry] for name, entry in run.trials.items()
    } == {
        name: [trial.record for trial in of_model] for name, of_model in TRIALS.items()
    }
    assert_array_equal(run.trials["svm"][0].scores, TRIALS["svm"][0].scores)


def test_a_folder_without_a_finished_run_is_refused(folder):
    (folder / "results.json").unlink()
    hint = "should be a folder that `rnnbench run` finished, such as results/all"

    for place in (folder, folder / "nowhere", folder / "config.yaml"):
        with pytest.raises(UserError) as caught:
            load_run(place)
        assert str(caught.value) == f"{place}: no results.json in it ({hint})"
    (folder / "choice.json").touch()
    with pytest.raises(
        UserError, match=r"it holds a choice; .*/fitted is the run that"
    ):
        load_run(folder)


def test_what_needs_the_trials_names_the_command_of_a_run_without_them(
    folder,
):
    shutil.rmtree(folder / "trials")

    assert load_results(folder) == RESULTS
    with pytest.raises(DamagedResultError) as caught:
        load_run(folder)
    assert str(caught.value) == (
        f"unusable result: {folder}: it holds only the summary of a run, without trials (to train "
        "them again: rnnbench run small.yaml)"
    )


def test_a_summary_without_a_metric_is_made_anew_from_the_trials_with_a_warning(
    folder, caplog
):
    older = RESULTS.model_copy(update={"metrics": RESULTS.metrics[:-1]})
    save_run(folder, older, {"config.yaml": dump(PLAN, folder)})
    file = folder / "results.json"
    before = file.read_bytes()

    assert load_run(folder).results == RESULTS

    assert caplog.messages == [
        f"{file}: it lacks log_loss; recomputed from the stored trials"
    ]
    assert file.read_bytes() == before


DAMAGES = {
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:-20]),
    "empty": lambda file: file.write_bytes(b""),
    "no text": lambda file: file.write_bytes(b"\xff\xfe\x00"),
    "nested": lambda file: file.write_bytes(b"[" * 100_000),
}
GONE = {
    "missing": lambda file: file.unlink(),
    "a folder in its place": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *product(FILES, DAMAGES),
        *product(FILES[1:], GONE),
    ],  # without the first, it is no run
)
def test_a_file_that_is_damaged_or_missing_is_named(folder, name, damage):
    with refusal(folder, name):
        (DAMAGES | GONE)[damage](find(folder, name))
        load_run(folder)


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("results.json", "1.5", "1.4", "it is not as it was written"),
        (RECORD, "1.5", "1.4", "it is not as it was written"),
        ("config.yaml", "adam", "sgd", ""),
        (
            "environment.json",
            "keras",
            "torch",
            "; run the benchmark again with --fresh$",
        ),
    ],
)
def test_a_changed_file_is_noticed(folder, name, old, new, reason):
    file = find(folder, name)
    file.write_text(file.read_text().replace(old, new))

    with refusal(folder, name, reason):
        load_run(folder)


OTHER_MODEL = {
    "source": "a paper",
    "model": "gru",
    "accuracy": 0.5,
    "yardstick": "over documents",
    "is_of_our_model": False,
    "intervals": {"gru": {"low": 0.0, "high": 1.0}},
}
WRONG = [
    ("results.json", "dataset.majority_topic", "wheat", "is none of the topics"),
    ("results.json", "models.0.metrics.macro_f1", ..., "no macro_f1"),
    ("results.json", "models.0.metrics.accuracy.mean", 1.5, "no share"),
    (
        "results.json",
        "comparisons.0.difference",
        0.5,
        "difference of rnn and svm is 0.5, but",
    ),
    ("results.json", "published", [OTHER_MODEL], "a model that is not there"),
    ("environment.json", "versions", "keras 3", "versions: .*dictionary"),
    ("environment.json", "colour", {}, "colour: Extra"),
]


def change(file, key, value):
    """Change a value in a stored document, which gets the right checksum."""
    stored = json.loads(file.read_bytes())
    del stored["checksum"]
    *above, last = key.split(".")
    tree = stored
    for part in above:
        tree = tree[int(part)] if isinstance(tree, list) else tree[part]
    if value is ...:
        del tree[last]
    else:
        tree[int(last) if isinstance(tree, list) else last] = value
    write_document(file, stored)


@pytest.mark.parametrize(("name", "key", "value", "reason"), WRONG)
def test_a_value_that_no_run_has_is_named_even_if_its_checksum_is_right(
    folder, name, key, value, reason
):
    change(folder / name, key, value)

    with refusal(folder, name, reason):
        load_run(folder)


@pytest.fixture(scope="module")
def with_duplicates(tmp_path_factory):
    """The folder of a run of two models, some of whose test documents are
    duplicates.
    """
    folder = tmp_path_factory.mktemp("duplicates") / "small"
    return write_run(replace(run_with(DUPLICATES), folder=folder))


FORGED = {
    "threads.0": 8,
    "dataset.topics.0.test": 3,
    "dataset.majority_score": 0.75,
    "dataset.majority_macro_f1": 0.75,
    "models.0.params": 7,
    "models.0.interval.high": 0.99,
    "models.0.metrics.accuracy.mean": 0.5,
    "models.0.metrics.accuracy.std": 0.01,
    "models.0.metrics.accuracy.n": 5,
    "models.0.metrics.log_loss.over_seeds.low": 0.1,
    "models.0.fit_seconds.mean": 0.1,
    "models.0.topics_never_predicted": ["earn"],
    "models.0.trials.1.metrics.accuracy": 0.25,
    "models.1.trials.0.metrics.top3_accuracy": 0.5,
    "without_duplicates.majority_score": 0.25,
    "without_duplicates.scores.rnn.std": 0.01,
    "comparisons.0.difference": 0.5,
    "without_duplicates.comparisons.1.difference": 0.5,
}


@pytest.mark.parametrize("key", FORGED)
def test_a_value_that_the_trials_do_not_give_is_refused(with_duplicates, tmp_path, key):
    folder = shutil.copytree(with_duplicates, tmp_path / "small")

    change(folder / "results.json", key, FORGED[key])

    with refusal(folder, "results.json", "but the stored trials give"):
        load_run(folder)


@pytest.fixture(scope="module")
def of_several_topics(tmp_path_factory):
    """The folder of a run in which documents have any number of topics."""
    random = default_rng(0)
    labels = random.integers(0, 2, (20, 3), dtype=np.uint8)
    facts = {"task": "multi_label", "decision": Decision(threshold=-0.5)}
    scores = np.log(random.random((20, 3), dtype=np.float32))
    trials = {"rnn": [TrialResult(record(**facts), labels, scores)]}
    dataset = rest_of(dataset_summary(task="multi_label"), labels)
    results = summarize_run(benchmark(), dataset, trials)
    folder = tmp_path_factory.mktemp("several") / "small"
    return write_run(StoredRun(folder, results, trials, benchmark(), MACHINE))


@pytest.mark.parametrize("key", ["at_half.mean", "below", "metrics.micro_f1.mean"])
def test_a_value_that_a_decision_does_not_give_is_refused(
    of_several_topics, tmp_path, key
):
    folder = shutil.copytree(of_several_topics, tmp_path / "small")

    change(folder / "results.json", f"models.0.{key}", 0.123)

    with refusal(folder, "results.json", f"{key} is 0.123, but the stored trials give"):
        load_run(folder)


def test_trials_of_another_task_are_refused(with_duplicates, tmp_path):
    folder = shutil.copytree(with_duplicates, tmp_path / "small")

    change(folder / "results.json", "dataset.task", "multi_label")

    with pytest.raises(DamagedResultError, match="task single_label, not multi_label"):
        load_run(folder)


def test_comparisons_by_other_statistics_are_replaced(with_duplicates, tmp_path):
    folder = shutil.copytree(with_duplicates, tmp_path / "small")
    expected = load_results(folder).comparisons

    change(folder / "results.json", "comparisons.0.p", 0.5)

    assert load_run(folder).results.comparisons == expected


def test_what_an_earlier_version_did_not_write_is_added(with_duplicates, tmp_path):
    folder = shutil.copytree(with_duplicates, tmp_path / "small")
    expected = load_results(folder)

    change(folder / "results.json", "models.0.peak_memory_mb", ...)
    change(folder / "results.json", "without_duplicates", ...)

    assert load_run(folder).results == expected


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda _: "name: !!python/object/apply:os.getcwd []\n", ":1: "),
        (lambda _: "models: {}\nname: x\n", ":1: "),
        (lambda text: text.replace("  svm:", "  bayes:"), " svm$"),
    ],
    ids=["code", "no models", "without a model of the results"],
)
def test_a_config_that_no_run_has_is_named(folder, edit, reason):
    save_run(folder, RESULTS, {"config.yaml": edit(dump(PLAN, folder))})

    with refusal(folder, "config.yaml", reason):
        load_run(folder)


def test_the_p_value_of_being_best_is_that_of_the_verdict():
    rights = {"spread": [97, 99, 72, 98], "steady": [91], "worse": [76]}
    results = scored_run(rights, of=100).results

    p_best = {model.name: model.p_best for model in results.models}
    assert p_best.pop("spread") == 1
    assert p_best == {
        name: pair.p_corrected for name, pair in results.against_best.items()
    }
    assert results.against_best["worse"].p_corrected > 0.05
