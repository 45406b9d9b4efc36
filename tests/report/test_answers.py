"""Tables, captions and sentences about made-up models and runs, kept in ``answers.md``.

After a deliberate change, ``python tests/report/test_answers.py`` writes them again,
and ``git diff`` shows the change.
"""

import json
import re
from pathlib import Path

import pytest
from factories import (
    MARGINS,
    SOFTMAX,
    benchmark,
    finished_run,
    runs_on_datasets,
    scored_run,
)
from summaries import GRID, NOTEBOOK, PAPER, summarize, with_models

from rnnbench.analysis.boards import rank_over_datasets, rank_runs, trace_runs
from rnnbench.analysis.compare import compare_runs
from rnnbench.analysis.gates import judge, parse_gate
from rnnbench.analysis.model_summary import statistic
from rnnbench.analysis.power import power_of_pairs
from rnnbench.report.badge import make_badge
from rnnbench.report.findings import findings
from rnnbench.report.plots.ranks import ranks_caption, ranks_table
from rnnbench.report.sections.errors import errors_table
from rnnbench.report.table import to_markdown
from rnnbench.report.tables.boards import board_tables, history_table
from rnnbench.report.tables.files import table_files
from rnnbench.report.tables.gates import comparison_markdown, junit, verdict_lines
from rnnbench.report.tables.pairs import comparisons_table, power_table
from rnnbench.report.tables.scores import (
    result_tables,
    score_table,
    wide_score_table,
)
from rnnbench.report.tables.two_runs import comparison_tables
from rnnbench.results.schema import MissingTrial
from rnnbench.stats.correctness import Interval

ANSWERS = Path(__file__).with_name("answers.md")
LONG = "tfidf_logistic_regression"


def said(results):
    """The sentences about the results of a run."""
    return "\n".join(["", *(f"- {entry}" for entry in findings(results))])


def run(of=100, **rights):
    """The results of a run on documents of which half are of the most frequent
    topic.
    """
    labels = [0] * (of // 2) + [1] * (of // 2)
    answers = {
        model: [labels[:right] + [2] * (of - right) for right in trials]
        for model, trials in rights.items()
    }
    return finished_run(answers, labels=labels).results


def partial():
    """Results in which a model lacks two seeds, and another one is not there at all."""
    why = (
        "the trial of gru with seed 0 failed: ValueError: it is too large for this "
        "machine"
    )
    missing = [
        MissingTrial(model="vanilla_rnn", seed=seed, error=None) for seed in (2, 3)
    ]
    missing.append(MissingTrial(model="gru", seed=0, error=why))
    return summarize().model_copy(update={"seeds": [0, 1, 2, 3], "missing": missing})


def of_every_kind():
    """Results with all that a caption can say, and models that lack metrics."""
    kinds = {
        "accuracy": 0.9,
        "std": 0.002,
        "transductive": True,
        "pretrained": "word vectors",
    }
    chosen = {"accuracy": 0.7, "caveat": "chosen on the test documents"}
    models = {
        "known": kinds,
        "unseen": kinds | {"transductive": False},
        "one": chosen,
        "another": chosen,
        "equal": 0.725,
        "low": 0.1,
    }
    named = {
        name: entry if isinstance(entry, dict) else {"accuracy": entry}
        for name, entry in models.items()
    }
    paper = {"source": "a paper", "split": "5" * 64, "models": named}
    changes = {"training": {"epochs": 20, "engine": "keras"}, "chosen_from": 24}
    few = {"accuracy": statistic([0.5]), "macro_f1": statistic([0.1])}
    return with_models(
        summarize(["a_b", "c"], 3, [NOTEBOOK, paper], validation_split=0.2),
        changes,
        {"metrics": few, "ms_per_step": None, "interval": Interval(low=0.6, high=0.8)},
    )


def with_duplicates(duplicates):
    """Three seeds each of a model ahead and one behind; the duplicates are where it is
    ahead.
    """
    labels = [0, 0, 1, 2] * 10
    answers = {"ahead": [labels] * 3, "behind": [[1] * 20 + labels[20:]] * 3}
    facts = {"test_size": 40, "duplicates": {"other_topics": duplicates}}
    return finished_run(
        answers, labels=labels, dataset=facts, training={"seeds": 3}
    ).results


def power_of(**answers):
    run = scored_run(answers)
    return to_markdown(power_table(power_of_pairs(run), run.results))


def two_runs():
    """Two runs that differ in models, seeds, machine and speed."""
    svm = MARGINS | {"ms_per_step": None}
    before = scored_run(
        {"rnn": [2, 3, 2], "gru": [9], LONG: [11]},
        folder="results/before",
        records={LONG: svm},
        training={"seeds": 3},
        environment={"platform": "Linux-6.18.44-x86_64-with-glibc2.41"},
    )
    after = scored_run(
        {"rnn": [18, 17, 18], "lstm": [9], LONG: [10]},
        folder="results/after",
        records={LONG: svm, "rnn": {"ms_per_step": 1.0}},
        environment={"git_commit": "a" * 40 + "+", "cpu": "another"},
    )
    return compare_runs(before, after)


def in_blocks():
    comparison = two_runs()
    nothing = comparison.models[0].model_copy(update={"difference": -1e-9})
    dataset = comparison.dataset.model_copy(update={"in_order": True, "n_left_out": 2})
    changed = comparison.model_copy(update={"models": [nothing], "dataset": dataset})
    return to_markdown(comparison_tables(changed)[0])


def gates():
    """The verdicts of gates on three models: one has no steps, and one is gone in B."""
    before, after = (
        scored_run(rights, records={"svm": MARGINS | {"ms_per_step": None}})
        for rights in ({"rnn": [18], "svm": [9], "gru": [5]}, {"rnn": [4], "svm": [9]})
    )
    comparison = compare_runs(before, after)
    texts = ("ms_per_step rises 1%", "accuracy drops 0.5")
    both = judge(parse_gate(texts[0]), compare_runs(before, after, ["rnn", "svm"]))
    return comparison, [both, *(judge(parse_gate(text), comparison) for text in texts)]


def boards(metric="accuracy"):
    """The tables of two runs that differ in one model."""
    records = {"svm": MARGINS | {"params": 12_746, "fit_seconds": 236.21}}
    one = {
        "stacked_vanilla_rnn": [2, 3, 2],
        "multinomial_naive_bayes": [18] * 3,
        "svm": [17],
    }
    runs = [
        scored_run(one, folder="results/one", records=records),
        scored_run({"svm": [17] * 3}, folder="results/two", records=records),
    ]
    return board_tables(rank_runs(runs, metric)[0])


def history(*rights, metric="accuracy", **facts):
    """The history of runs of successive days."""
    runs = [
        scored_run(
            of_run,
            folder=f"runs/{day}",
            environment={
                "date": f"2026-11-0{day}T10:20:30Z",
                "git_commit": "a" * 40 + "+",
            },
            **facts,
        )
        for day, of_run in enumerate(rights, start=1)
    ]
    (traced,) = trace_runs(runs, metric)
    return to_markdown(history_table(traced))


def ranks(n, corpora="", rights=(3, 15, 9)):
    """Mean ranks on some datasets, each of a corpus."""
    models = dict(
        zip(("low", "high", "middle"), ([right] for right in rights), strict=True)
    )
    runs = runs_on_datasets({f"set{number}": models for number in range(n)})
    ranking = rank_over_datasets(rank_runs(runs))
    datasets = [
        entry.model_copy(update={"corpus_fingerprint": corpora[number]})
        if corpora
        else entry
        for number, entry in enumerate(ranking.datasets)
    ]
    return ranking.model_copy(update={"datasets": datasets})


def crossed():
    first = {"a": [9], "b": [8], "c": [7]}
    second = {"a": [9], "b": [7], "c": [8]}
    return rank_over_datasets(rank_runs(runs_on_datasets({"x": first, "y": second})))


def badges():
    dataset = {"majority_score": 0.5}
    rights = {"rnn": [80, 81, 82], "svm": [90], "even": [50], "good": [98]}
    results = scored_run(
        rights, of=100, dataset=dataset, records={"svm": MARGINS}
    ).results
    gone = results.model_copy(
        update={"missing": [MissingTrial(model="gru", seed=0, error=None)]}
    )
    asked = [
        (None, "accuracy"),
        ("rnn", "accuracy"),
        ("even", "accuracy"),
        (None, "log_loss"),
    ]
    made = [make_badge(results, *entry) for entry in [*asked, ("svm", "macro_f1")]]
    return "\n".join(map(json.dumps, [*made, make_badge(gone, "svm", "accuracy")]))


def one_seed_as_csv():
    return table_files(summarize(n_seeds=1))["table.csv"]


EMBEDDING = {"embedding": {"dim": 64}}
BOTH_WAYS = {
    "bidirectional": {"layer": {"gru": {"units": 4, "return_sequences": True}}}
}
LAYERED = {
    "scaled": [{"lstm": {"units": 3, "dropout": 0.1}}],
    "both_ways": [EMBEDDING, BOTH_WAYS, {"pooling": {"by": "max"}}],
    "pretrained": [
        {"embedding": {"dim": 64, "embeddings_initializer": "ppmi_svd"}},
        {"conv1d": {"filters": 8, "kernel_size": 3}},
        {"pooling": {"by": "mean"}},
        {"layer_norm": {}},
        {"dropout": {"rate": 0.5}},
        {"dense": {"units": 9, "activation": "relu"}},
    ],
    "untrained": [
        {"embedding": {"dim": 64, "trainable": False}},
        {"spatial_dropout": {"rate": 0.5}},
        {"pooling": {"by": "attention"}},
    ],
    "wide": [{"bag_of_words": {"values": "tfidf"}}, {"dense": {"units": 9}}],
    "shares": [{"bag_of_words": {"values": "shares"}}],
}
OTHERS = {
    "always": {"baseline": "most_frequent"},
    "svm": {"baseline": {"tfidf_linear_svm": {"C": 2.0, "max_ngram": 1}}},
    "own": {"python": "nets:small"},
    "own_wide": {
        "python": "nets:small",
        "arguments": {"width": 8, "by": "max", "deep": True},
    },
}


def models_in_words():
    """Models in short."""
    networks = {
        name: {"layers": [*layers, SOFTMAX]} for name, layers in LAYERED.items()
    }
    networks["scaled"]["inputs"] = "scaled_ids"
    lines = []
    for name, model in benchmark(models=networks | OTHERS).models.items():
        lines.append(f"\n{name}: {model.in_short()}\n")
    return "\n".join(lines)


def tables(*shown):
    return "\n".join(map(to_markdown, shown))


CASES = {
    "Models": models_in_words,
    "A run with two seeds, and what was published": lambda: tables(
        *result_tables(summarize(references=[NOTEBOOK, PAPER]))
    ),
    "A run with one seed, in full precision": one_seed_as_csv,
    "Runs with one and with three seeds": lambda: tables(
        *(score_table(summarize(n_seeds=n)) for n in (1, 3))
    ),
    "A partial run": lambda: tables(score_table(partial())) + said(partial()),
    "Points of grids": lambda: tables(
        *result_tables(summarize(GRID, references=[PAPER]))[:2]
    ),
    "All that a caption can say": lambda: tables(*result_tables(of_every_kind())),
    "A run of baselines": lambda: tables(
        score_table(
            finished_run(
                {"svm": [[0, 0, 1, 2]]},
                models={"svm": {"baseline": "tfidf_linear_svm"}},
            ).results
        )
    ),
    "Training values of a point that no column shows": lambda: tables(
        score_table(
            with_models(
                summarize(GRID[:1]),
                {
                    "training": {
                        "learning_rate": 0.1,
                        "epochs": 3,
                        "validation_split": 0.3,
                    }
                },
            )
        )
    ),
    "Pairs of models": lambda: tables(
        comparisons_table(run(rnn=[60, 61, 62], gru=[95, 94, 95]))
    ),
    "Verdicts that rest on duplicates": lambda: tables(
        wide_score_table(with_duplicates(list(range(20))))
    ),
    "No verdict rests on duplicates": lambda: (
        score_table(with_duplicates([39])).caption
    ),
    "Power": lambda: (
        power_of(a=[15, 12, 16], b=[13, 14, 12], one=[14], same=[14])
        + power_of(a=[19, 18, 19], b=[1, 2, 1])
    ),
    "Errors": lambda: tables(
        errors_table(
            finished_run(
                {
                    "lstm": [[0, 0, 1, 0], [0, 1, 1, 0]],
                    "rnn": [[1, 1, 1, 1], [1, 1, 1, 0]],
                }
            )
        )
    ),
    "Findings": lambda: "".join(
        said(run(**rights))
        for rights in (
            {"rnn": [60], "gru": [95]},
            {"rnn": [50, 51, 52], "gru": [95, 94, 93], "lstm": [92, 93, 94]},
            {"best": [95]} | {f"rnn{number}": [94] for number in range(9)},
            {"rnn": [3, 4, 5], "gru": [95, 94, 93]},
            {"rnn": [60, 61], "gru": [95, 96]},
            {"rnn": [91, 91, 100], "gru": [91, 100, 91]},
            {"rnn": [90]},
        )
    ),
    "Badges": badges,
    "Two runs": lambda: tables(*comparison_tables(two_runs())),
    "Two equal runs": lambda: tables(
        *comparison_tables(compare_runs(*[scored_run({"r": [9]})] * 2))[::3]
    ),
    "Two runs on documents in order of time": in_blocks,
    "Gates": lambda: "\n".join(
        [line for lines in verdict_lines(gates()[1]) for line in lines]
    ),
    "Gates in Markdown": lambda: comparison_markdown(*gates()).partition("| B - A of")[
        0
    ],
    "Gates in JUnit XML": lambda: junit("after compared with before", gates()[1]),
    "A leaderboard": lambda: tables(*boards()),
    "A leaderboard by another metric": lambda: tables(boards("log_loss")[0]),
    "A history": lambda: history(
        {"rnn": [18, 17, 18], "svm": [9]}, {"rnn": [2, 3, 2], "run": [9]}
    ),
    "A history of too few seeds": lambda: history({"rnn": [18, 17]}, {"rnn": [2, 3]}),
    "A history of another metric": lambda: history(
        {"rnn": [18], "svm": [9]}, metric="log_loss", records={"svm": MARGINS}
    ),
    "Mean ranks": lambda: tables(ranks_table(ranks(6))),
    "Mean ranks of equals on few datasets": lambda: tables(
        ranks_table(ranks(2, "", (9, 15, 9)))
    ),
    "Mean ranks on datasets of the same corpora": lambda: ranks_caption(
        ranks(5, "abacb")
    ),
    "Mean ranks on which datasets differ": lambda: ranks_caption(crossed()),
}


def recorded():
    blocks = re.split("^## ", ANSWERS.read_text(encoding="utf-8"), flags=re.MULTILINE)[
        1:
    ]
    return {
        title: text.strip()
        for title, _, text in (block.partition("\n") for block in blocks)
    }


def answer(case):
    """What is said in a case, as lines without blanks at their ends."""
    return "\n".join(line.rstrip() for line in CASES[case]().strip().splitlines())


@pytest.mark.parametrize("case", CASES)
def test_each_answer_is_as_recorded(case):
    assert answer(case) == recorded().get(case), (
        "to accept a change, see the top of this file"
    )


def test_no_answer_is_left_from_a_case_that_is_gone():
    assert list(recorded()) == list(CASES)


if __name__ == "__main__":
    blocks = [f"## {case}\n\n{answer(case)}\n" for case in CASES]
    ANSWERS.write_text("\n".join(blocks), encoding="utf-8")
