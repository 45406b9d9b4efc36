"""Summaries of runs that never happened, for tests of tables."""

from factories import scored_run

NAMES = ["vanilla_rnn", "stacked_vanilla_rnn"]
NETWORKS = [*NAMES, "lstm", "stacked_lstm"]
NAMES_OF_THE_BENCHMARK = [*NETWORKS, "multinomial_naive_bayes", "tfidf_linear_svm"]
NOTEBOOK = {
    "source": "notebook",
    "dataset": "d" * 64,
    "training": {"epochs": 200, "batch_size": 4},
    "models": {"vanilla_rnn": {"params": 12_746, "accuracy": 0.7562604}},
}
PAPER = {
    "source": "a paper",
    "split": "5" * 64,
    "models": {"Text GCN": {"accuracy": 0.9707}, "fastText": {"accuracy": 0.1}},
}

GRID = ["rnn[units=3,lr=0.1]", "rnn[units=4,lr=0.1]", "svm[C=2]", "bayes"]


def summarize(names=NAMES, n_seeds=2, references=(), **training):
    """The results of models that all answer alike; the first seed is right one time
    less.
    """
    training = {"epochs": 200, "batch_size": 4, "seeds": n_seeds} | training
    return scored_run(
        {name: [14, *([15] * (n_seeds - 1))] for name in names},
        records={name: {"params": 12_746} for name in names},
        references={
            f"reference{number}": item for number, item in enumerate(references)
        },
        training=training,
    ).results


def with_models(results, *changes):
    """The results with facts of models changed, one after another."""
    models = [
        model.model_copy(update=change)
        for model, change in zip(results.models, changes, strict=True)
    ]
    return results.model_copy(update={"models": models})
