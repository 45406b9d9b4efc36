"""Notes on what learners trip over: in the data, in a config, and in the results of a
run.
"""

from collections.abc import Iterator

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary
from rnnbench.data.config import Data
from rnnbench.data.corpus import Corpus
from rnnbench.data.dataset import Dataset
from rnnbench.data.padding import INDEX_FROM
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork
from rnnbench.models.layers.recurrent import Recurrent
from rnnbench.results.run import StoredRun
from rnnbench.section import StoredRecord
from rnnbench.text import counted, listed

SHOWN = 5  # the most words of a document that a note quotes


class Note(StoredRecord):
    """One thing to know before believing a number: what was found, and what to do about
    it.
    """

    title: str
    evidence: str
    advice: str


def notes_on_data(
    summary: DatasetSummary, data: Data, corpus: Corpus | None
) -> Iterator[Note]:
    """Yield notes on a dataset; those that need the ``corpus`` only if it is at
    hand.
    """
    whole = summary.train_size + summary.test_size if corpus is None else len(corpus)
    lost = whole - summary.train_size - summary.test_size
    if lost and data.maxlen is not None:
        yield Note(
            title="documents lost to maxlen",
            evidence=f"{lost:,} of {whole:,} documents have {data.maxlen - 1:,} words or more and "
            "are left out.",
            advice="Like Keras's loader, maxlen drops long documents; to cut them instead, set "
            "pad_length.",
        )
    if summary.topics_only_in_test:
        yield Note(
            title=f"{summary.noun}s that are tested but never trained",
            evidence=f"No training document is about {listed(summary.topics_only_in_test)}.",
            advice="No model can answer with these: use split: stratified, or leave such "
            f"{summary.noun}s out.",
        )
    if summary.duplicates.positions:
        yield Note(
            title="documents in both sets",
            evidence=f"{summary.duplicates_in_words()}.",
            advice="A model can know the answers by heart, right or wrong: remove duplicates "
            "before the split, or look at a run without them with `rnnbench leaderboard RUN "
            "--without-duplicates`.",
        )


def note_on_decoding(corpus: Corpus, dataset: Dataset) -> Note:
    """Return a note on word ids, with the first document as an example."""
    words = corpus.words(0)[:SHOWN]
    word_of = dict(enumerate(dataset.vocabulary, start=1))
    wrong = [word_of.get(int(word_id), "?") for word_id in dataset.documents[0][:SHOWN]]
    return Note(
        title="the offset of word ids",
        evidence=f"The first document begins '{' '.join(words)}'; with its ids looked up as ranks, "
        f"it would be '{' '.join(wrong)}'.",
        advice=f"Ids 0, 1 and 2 mean padding, start and unknown: subtract {INDEX_FROM} from an id "
        "to get the rank of its word.",
    )


def notes_on_config(benchmark: Benchmark) -> Iterator[Note]:
    """Yield notes on the models of a config, and on how they are trained."""
    models = benchmark.models.items()
    networks = {
        name: model for name, model in models if isinstance(model, LayeredNetwork)
    }
    given_ids = {
        name: network for name, network in networks.items() if network.inputs == "ids"
    }
    numbers = [
        name for name, network in given_ids.items() if network.layers[0].takes != "ids"
    ]
    if numbers:
        yield Note(
            title="word ids as numbers",
            evidence=f"The first layer of {listed(numbers)} is given the ids of words as numbers.",
            advice="An id is a name, not an amount: begin with an embedding, or at least set "
            "inputs: scaled_ids.",
        )
    late = [name for name, network in networks.items() if _reads_padding_last(network)]
    if late and benchmark.data.padding == "post":
        yield Note(
            title="padding before the last state",
            evidence=f"The state after the last step decides in {listed(late)}; that step is "
            "padding in all but the longest documents.",
            advice="Set padding: pre, or begin with an embedding that skips padding.",
        )
    has_chance = any(model.is_random for model in benchmark.models.values())
    if has_chance and len(benchmark.training.seeds) == 1:
        yield Note(
            title="one seed",
            evidence="Every model is trained once.",
            advice="Another seed may give another order of the models: use 5 or more, as with "
            "`rnnbench run CONFIG --seeds 5`.",
        )
    whole = [
        name for name in networks if not benchmark.training_of(name).validation_split
    ]
    if whole:
        yield Note(
            title="nothing to choose on",
            evidence=f"No training document is held out for {listed(whole)} "
            "(training.validation_split is 0).",
            advice="Epochs, sizes and models that are chosen by these scores are chosen on the "
            "test documents: choose models and sizes with `rnnbench choose`, and the epoch with "
            "validation_split.",
        )


def one_answer_alone(run: StoredRun) -> dict[str, str]:
    """Return, by network, how many seeds make it always answer the most frequent
    topic.
    """
    summary, found = run.results.dataset, dict[str, str]()
    majority = [count.topic for count in summary.topics].index(summary.majority_topic)
    for name, trials in run.trials.items():
        alike = [
            np.array_equal(t.answers, t.task.always(majority, t.labels)) for t in trials
        ]
        if (n := sum(alike)) and not isinstance(
            run.benchmark.models[name], BaselineModel
        ):
            found[name] = f"{n} of {counted(len(trials), 'seed')}"
    return found


def notes_on_run(run: StoredRun) -> Iterator[Note]:
    """Yield all notes on a finished run that its own files give evidence for."""
    summary = run.results.dataset
    for name, seeds in one_answer_alone(run).items():
        yield Note(
            title=f"{name} has learned one answer",
            evidence=f"It answers '{summary.majority_topic}' for all "
            f"{summary.test_size:,} test documents with {seeds}.",
            advice=f"It scores the same as always answering the most frequent {summary.noun}: look "
            "at its learning curve, and try an embedding or another learning rate.",
        )
    yield from notes_on_data(summary, run.benchmark.data, None)
    yield from notes_on_config(run.benchmark)


def _reads_padding_last(network: LayeredNetwork) -> bool:
    is_masked = any(layer.gives_mask for layer in network.layers)
    recurrent = [part for part in network.parts if isinstance(part, Recurrent)]
    return bool(recurrent) and not (is_masked or recurrent[-1].return_sequences)
