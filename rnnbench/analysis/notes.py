"""Notes on what learners trip over: in data, in a config, and in results."""

from collections.abc import Iterator, Mapping

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data.config import Data
from rnnbench.data.corpus import Corpus
from rnnbench.data.dataset import Dataset
from rnnbench.data.padding import INDEX_FROM
from rnnbench.data.summary import DatasetSummary
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork
from rnnbench.models.layers.recurrent import Recurrent
from rnnbench.results.stored_run import StoredRun
from rnnbench.section import StoredRecord
from rnnbench.text import counted, listed

SHOWN = 5  # the most words of a document that a note quotes


class Note(StoredRecord):
    """One thing to know before believing a number, and what to do about it."""

    title: str
    evidence: str
    advice: str


def notes_on_data(
    summary: DatasetSummary, data: Data, corpus: Corpus | None
) -> Iterator[Note]:
    """Yield notes on a dataset; some need the ``corpus``, if it is at hand."""
    n_used = summary.train_size + summary.test_size
    n_documents = n_used
    if corpus is not None:
        n_documents = len(corpus)
    lost = n_documents - n_used
    if lost and data.maxlen is not None:
        longest = f"{data.maxlen - 1:,} words or more"
        yield Note(
            title="documents lost to maxlen",
            evidence=f"{lost:,} of {n_documents:,} documents have {longest} and are "
            "left out.",
            advice="Like Keras's loader, maxlen drops long documents; to cut them "
            "instead, set pad_length.",
        )
    if summary.topics_only_in_test:
        topics = listed(summary.topics_only_in_test)
        yield Note(
            title=f"{summary.noun}s that are tested but never trained",
            evidence=f"No training document is about {topics}.",
            advice="No model can answer with these: use split: stratified, or leave "
            f"such {summary.noun}s out.",
        )
    if summary.leaks:
        yield Note(
            title="documents in both sets",
            evidence=f"{summary.duplicates_in_words()}.",
            advice="A model can know the answers by heart, right or wrong: remove "
            "duplicates before the split, or look at a run without them with "
            "`rnnbench leaderboard RUN --without-duplicates`.",
        )


def note_on_decoding(corpus: Corpus, dataset: Dataset) -> Note:
    """Return a note on word ids, with the first document as an example."""
    words = corpus.words(0)[:SHOWN]
    word_of = dict(enumerate(dataset.vocabulary, start=1))
    wrong = [word_of.get(int(word_id), "?") for word_id in dataset.documents[0][:SHOWN]]
    return Note(
        title="the offset of word ids",
        evidence=f"The first document begins '{' '.join(words)}'; with its ids looked "
        f"up as ranks, it would be '{' '.join(wrong)}'.",
        advice="Ids 0, 1 and 2 mean padding, start and unknown: subtract "
        f"{INDEX_FROM} from an id to get the rank of its word.",
    )


def notes_on_config(benchmark: Benchmark) -> Iterator[Note]:
    """Yield notes on the models of a config, and on how they are trained."""
    networks = {
        name: model
        for name, model in benchmark.models.items()
        if isinstance(model, LayeredNetwork)
    }
    yield from _notes_on_networks(benchmark, networks)
    is_random = any(model.is_random for model in benchmark.models.values())
    if is_random and len(benchmark.training.seeds) == 1:
        yield Note(
            title="one seed",
            evidence="Every model is trained once.",
            advice="Another seed may give another order of the models: use 5 or more, "
            "as with `rnnbench run CONFIG --seeds 5`.",
        )
    without_validation = [
        name for name in networks if not benchmark.training_of(name).validation_split
    ]
    if without_validation:
        names = listed(without_validation)
        yield Note(
            title="nothing to choose on",
            evidence=f"No training document is held out for {names} "
            "(training.validation_split is 0).",
            advice="Epochs, sizes and models that are chosen by these scores are "
            "chosen on the test documents: choose models and sizes with "
            "`rnnbench choose`, and the epoch with validation_split.",
        )


def _notes_on_networks(
    benchmark: Benchmark, networks: Mapping[str, LayeredNetwork]
) -> Iterator[Note]:
    """Yield notes on what networks are given and what they read."""
    with_ids_as_numbers = []
    reading_padding_last = []
    for name, network in networks.items():
        if network.inputs == "ids" and network.layers[0].takes != "ids":
            with_ids_as_numbers.append(name)
        if _reads_padding_last(network):
            reading_padding_last.append(name)
    if with_ids_as_numbers:
        names = listed(with_ids_as_numbers)
        yield Note(
            title="word ids as numbers",
            evidence=f"The first layer of {names} is given the ids of words as "
            "numbers.",
            advice="An id is a name, not an amount: begin with an embedding, or at "
            "least set inputs: scaled_ids.",
        )
    if reading_padding_last and benchmark.data.padding == "post":
        names = listed(reading_padding_last)
        yield Note(
            title="padding before the last state",
            evidence=f"The state after the last step decides in {names}; that step is "
            "padding in all but the longest documents.",
            advice="Set padding: pre, or begin with an embedding that skips padding.",
        )


def _reads_padding_last(network: LayeredNetwork) -> bool:
    """Return whether the state after the last step, perhaps padding, decides."""
    if any(layer.gives_mask for layer in network.layers):
        return False
    recurrent = [part for part in network.parts if isinstance(part, Recurrent)]
    return bool(recurrent) and not recurrent[-1].return_sequences


def one_answer_alone(run: StoredRun) -> dict[str, str]:
    """Return, by network, how many seeds always answer the most frequent topic."""
    summary = run.results.dataset
    majority = summary.topic_names.index(summary.majority_topic)
    numbers = {}
    for name, trials in run.trials.items():
        if isinstance(run.benchmark.models[name], BaselineModel):
            continue
        n_alike = 0
        for trial in trials:
            always = trial.task.always(majority, trial.labels)
            n_alike += np.array_equal(trial.answers, always)
        if n_alike:
            numbers[name] = f"{n_alike} of {counted(len(trials), 'seed')}"
    return numbers


def notes_on_run(run: StoredRun) -> Iterator[Note]:
    """Yield all notes on a finished run that its own files give evidence for."""
    summary = run.results.dataset
    for name, seeds in one_answer_alone(run).items():
        yield Note(
            title=f"{name} has learned one answer",
            evidence=f"It answers '{summary.majority_topic}' for all "
            f"{summary.test_size:,} test documents with {seeds}.",
            advice="It scores the same as always answering the most frequent "
            f"{summary.noun}: look at its learning curve, and try an embedding or "
            "another learning rate.",
        )
    yield from notes_on_data(summary, run.benchmark.data, None)
    yield from notes_on_config(run.benchmark)
