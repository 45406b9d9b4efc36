"""Labels that models contradict: ``find_suspects(SuspectsRequest("r52"))``.

Models answer each document in a cross-validation of all documents, training and test
together. Near-copies are in one fold, or models would know the label of a copy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.errors import texts_of
from rnnbench.choice.ranking import OfSeeds, complete
from rnnbench.config.load import load_with_files
from rnnbench.data.corpus import Positions
from rnnbench.data.corrections import joined_topics, separator_of
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.held_out import Part, parts_without_copies
from rnnbench.data.load import PreparedData
from rnnbench.errors import UserError
from rnnbench.job import prepared_job
from rnnbench.labels import Labels, form_of, keys_of, topics_of
from rnnbench.models.baselines import (
    Baseline,
    ComplementNaiveBayes,
    MultinomialNaiveBayes,
    TfidfLinearSVM,
)
from rnnbench.models.descriptions import BaselineModel, Model
from rnnbench.report.sections.errors import beginning
from rnnbench.request import SuspectsRequest
from rnnbench.results.store import SUSPECTS
from rnnbench.runner.errors import require_whole
from rnnbench.runner.plan import plan_benchmark
from rnnbench.runner.train import Job, PlanResult, train
from rnnbench.stats.label_errors import suspicion, wrong_labels
from rnnbench.storage import write_document, write_text
from rnnbench.suspects.results import NONE, Suspect, SuspectsResults, WrongShare
from rnnbench.suspects.words import Evidence
from rnnbench.terminal.display import show_trials

Floats = NDArray[np.float64]
QUICK = (MultinomialNaiveBayes, ComplementNaiveBayes, TfidfLinearSVM)
MOST_FOR_CURVE = 5_000
"""The most documents that the probabilities of a model are fitted to."""
ENOUGH = 0.85
"""Models that agree with fewer labels are too weak to estimate how many are wrong."""
MOST_OF_OTHERS = 1.5
"""An estimate is not believed if it is larger than this many times the other labels."""
WITH_WORDS = 200
"""The number of most suspicious documents whose deciding words are found."""
N_WORDS = 100  # shown of a text


@dataclass(frozen=True, eq=False)
class Suspects:
    """The documents of a config whose labels look wrong."""

    folder: Path
    results: SuspectsResults


def find_suspects(request: SuspectsRequest) -> Suspects:
    """Carry out a request.

    Raises:
        UserError: there is no quick model, or there are too many folds.
        FailedTrialsError: trials have no result; its ``run`` is what the others found.
    """
    if request.models is None:
        config = load_with_files(request.config, request.overrides)
        request = replace(request, models=quick_models(config.benchmark.models))
    with prepared_job(request, SUSPECTS) as job:
        # 1. Hold out each fold of all documents in turn.
        data = _with_all_for_training(job.data)
        dataset = data.dataset
        documents = dataset.train_documents
        parts = parts_without_copies(
            data.corpus, documents, dataset.y_train, request.folds
        )
        threads = job.executor.threads
        plan = plan_benchmark(job.benchmark, data, threads, parts=parts)
        suspects = None
        with job.writing():
            # 2. Train the models, and have them answer the documents.
            with show_trials(quiet=not request.progress) as listener:
                done = train(replace(job, data=data), plan, listener)
            # 3. Compare their answers with the labels.
            of_models = _probabilities(job, done, parts, dataset)
            if of_models:
                suspects = _write(job, data, done, of_models)
    return require_whole(suspects, job, done)


def quick_models(models: Mapping[str, Model]) -> list[str]:
    """Return the baselines that learn fast from words, or raise ``UserError``."""
    quick = []
    baselines: list[Baseline] = []
    for name, model in models.items():
        match model:
            case BaselineModel(baseline=baseline, reads_words=False):
                is_new = baseline not in baselines  # or one model would count twice
                if type(baseline) in QUICK and is_new:
                    quick.append(name)
                    baselines.append(baseline)
    if not quick:
        hint = f"name some with --models: {', '.join(models)}"
        raise UserError(f"models: naive Bayes and a linear SVM are missing ({hint})")
    return quick


def _with_all_for_training(data: PreparedData) -> PreparedData:
    config = data.config.model_copy(update={"fit_on_all": 1.0})
    return replace(data, config=config, dataset=make_dataset(data.corpus, config))


def _probabilities(
    job: Job, done: PlanResult, parts: Sequence[Part], dataset: Dataset
) -> dict[str, Floats]:
    """Return the probabilities of each model, ``(n, n_topics)``: means over seeds."""
    order = np.argsort(np.concatenate(list(map(attrgetter("chosen"), parts))))
    of_models = {}
    for name, of_seeds in complete(job.benchmark.models, done).items():
        of_models[name] = _mean_probability(of_seeds, order, dataset)
    return of_models


def _mean_probability(of_seeds: OfSeeds, order: Positions, dataset: Dataset) -> Floats:
    from rnnbench.models.estimators import platt_curve, temperature

    form = form_of(dataset.y_train)
    is_topic = form.indicators(dataset.y_train, len(dataset.topics)).astype(float)
    fitted = platt_curve
    if form.has_one_label:
        fitted = temperature
    step = 1 + len(order) // MOST_FOR_CURVE
    total = np.zeros(is_topic.shape)
    for results in of_seeds.values():
        of_parts = list(map(attrgetter("scores"), results))
        scores = np.concatenate(of_parts)[order].astype(float)
        slope, offset = fitted(scores[::step], is_topic[::step])
        total += np.exp(form.log_probabilities(slope * scores + offset))
    return total / len(of_seeds)


def _write(
    job: Job, data: PreparedData, done: PlanResult, of_models: Mapping[str, Floats]
) -> Suspects:
    """Find the suspects, and write them with their page."""
    from rnnbench.report.page import write_files  # imports Matplotlib
    from rnnbench.suspects.page import suspects_page

    labels = data.dataset.y_train
    probabilities = np.mean(list(of_models.values()), axis=0)
    scores = suspicion(probabilities, labels)
    is_contradicted = scores > 0.5
    near_copies = _other_labels_of_copies(data)
    order = np.argsort(-scores, kind="stable")
    is_listed = is_contradicted.copy()
    is_listed[list(near_copies)] = True
    agreement = float((scores < 0.5).mean())
    wrong = None
    if form_of(labels).has_one_label and agreement >= ENOUGH:
        estimate = wrong_labels(probabilities, labels)
        if estimate.share <= MOST_OF_OTHERS * (1 - agreement):
            wrong = WrongShare.model_validate(estimate._asdict())
    finder = _Finder(data, of_models, probabilities, scores, near_copies)
    results = SuspectsResults(
        name=job.benchmark.name,
        command=job.command,
        dataset=job.data.summary,
        folds=len(set(map(attrgetter("part"), done.plan.trials))),
        models=list(of_models),
        n_documents=len(labels),
        agreement=agreement,
        wrong=wrong,
        n_contradicted=int(is_contradicted.sum()),
        n_copies=len(near_copies),
        suspects=finder.suspects(order[is_listed[order]].tolist()),
        missing=done.missing,
    )
    folder = job.store.folder
    write_text(folder / "config.yaml", job.config_text)
    write_document(folder / SUSPECTS, results)
    write_files(folder, suspects_page(results, folder))
    return Suspects(folder, results)


def _other_labels_of_copies(data: PreparedData) -> dict[int, int]:
    """Return a near-copy with another label of each document that has one.

    Both are positions among the documents.
    """
    groups = data.corpus.copies[data.dataset.train_documents].tolist()
    keys = keys_of(data.dataset.y_train)
    members: dict[int, list[int]] = {}
    for position, group in enumerate(groups):
        members.setdefault(group, []).append(position)
    others: dict[int, int] = {}
    for positions in members.values():
        first = positions[0]
        different = []
        for other in positions:
            if keys[other] != keys[first]:
                different.append(other)
        if different:
            others |= dict.fromkeys(positions, different[0])
            others |= dict.fromkeys(different, first)
    return others


@dataclass(frozen=True)
class _Finder:
    """The facts about all documents that describe the suspects among them."""

    data: PreparedData
    of_models: Mapping[str, Floats]
    probabilities: Floats
    scores: Floats
    near_copies: Mapping[int, int]

    def suspects(self, positions: Sequence[int]) -> list[Suspect]:
        """Return the records of the documents at some positions, in this order."""
        dataset = self.data.dataset
        corpus = self.data.corpus
        labels = dataset.y_train
        form = form_of(labels)
        documents = dataset.train_documents
        indicators = form.indicators(labels, len(dataset.topics))
        evidence = Evidence(corpus, documents, indicators)
        texts = texts_of(corpus, documents[list(positions)].tolist())
        suggested = self._answers(self.probabilities)
        answers = {}
        for name, probabilities in self.of_models.items():
            answers[name] = self._answers(probabilities)
        suspects: list[Suspect] = []
        for position, text in zip(positions, texts, strict=True):
            document = int(documents[position])
            place = f"document {document}"
            if text.excerpt:
                place = text.excerpt.place
            of_models = {}
            for name, of_model in answers.items():
                of_models[name] = self._named(of_model, position)
            words = {}
            if len(suspects) < WITH_WORDS and self.scores[position] > 0.5:
                words = self._words(evidence, position)
            suspect = Suspect(
                document=document,
                place=place,
                text=beginning(text, N_WORDS),
                label=joined_topics(corpus, document),
                suggested=self._named(suggested, position),
                score=float(self.scores[position]),
                answers=of_models,
                words=words,
                near_copy=self._near_copy(position),
            )
            suspects.append(suspect)
        return suspects

    def _answers(self, probabilities: Floats) -> Labels:
        if self.data.dataset.y_train.ndim == 1:
            return np.asarray(probabilities.argmax(axis=1))
        return np.asarray(probabilities >= 0.5, np.uint8)

    def _named(self, labels: Labels, position: int) -> str:
        """Return the topics of a document, also those that no model learns."""
        (key,) = keys_of(labels[[position]])
        dataset = self.data.dataset
        names = list(map(dataset.topics.__getitem__, topics_of(key)))
        if form_of(labels).has_one_label:
            return names[0]
        document = int(dataset.train_documents[position])
        separator = separator_of(self.data.corpus.topics)
        for name in joined_topics(self.data.corpus, document).split(separator):
            if name and name not in dataset.topics:
                names.append(name)
        return separator.join(names)

    def _near_copy(self, position: int) -> str:
        other = self.near_copies.get(position)
        if other is None:
            return ""
        dataset = self.data.dataset
        number = int(dataset.train_documents[other])
        return f"document {number} is {self._named(dataset.y_train, other) or NONE}"

    def _words(self, evidence: Evidence, position: int) -> dict[str, float]:
        """Return the words that speak for what the models suggest together."""
        dataset = self.data.dataset
        document = int(dataset.train_documents[position])
        likely = self.probabilities[position]
        labels = dataset.y_train[position]
        if not labels.ndim:
            return evidence.words_for(document, int(likely.argmax()), int(labels))
        topic = int(np.where(labels, 1 - likely, likely).argmax())
        if labels[topic]:
            return evidence.words_for(document, None, topic)
        return evidence.words_for(document, topic, None)
