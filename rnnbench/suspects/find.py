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
from rnnbench.choice.ranking import complete
from rnnbench.config.load import load_with_files
from rnnbench.data.corpus import Corpus
from rnnbench.data.corrections import joined_topics
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.held_out import Part, parts_without_copies
from rnnbench.data.load import PreparedData
from rnnbench.errors import UserError
from rnnbench.job import prepared_job
from rnnbench.labels import Key, Labels, form_of, keys_of
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
from rnnbench.tasks import Decision, usual_task
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
TOGETHER = ""  # stands for all models
HALF = Decision(threshold=0.5)


@dataclass(frozen=True, eq=False)
class Suspects:
    """The documents of a config whose labels look wrong."""

    folder: Path
    results: SuspectsResults

    def write(self, config: str) -> None:
        """Write them, with their config and their page."""
        from rnnbench.report.page import write_files  # imports Matplotlib
        from rnnbench.suspects.page import suspects_page

        write_text(self.folder / "config.yaml", config)
        write_document(self.folder / SUSPECTS, self.results)
        write_files(self.folder, suspects_page(self.results, self.folder))


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
                results = _results(job, data, done, of_models)
                suspects = Suspects(job.store.folder, results)
                suspects.write(job.config_text)
    return require_whole(suspects, job, done)


def quick_models(models: Mapping[str, Model]) -> list[str]:
    """Return the first baseline of each kind that learns fast from words.

    ``UserError`` is raised if there is none.
    """
    quick: dict[type[Baseline], str] = {}
    for name, model in models.items():
        match model:
            case BaselineModel(baseline=baseline, reads_words=False):
                kind = type(baseline)
                if kind in QUICK:
                    quick.setdefault(kind, name)
    if not quick:
        hint = f"name some with --models: {', '.join(models)}"
        raise UserError(f"models: naive Bayes and a linear SVM are missing ({hint})")
    return list(quick.values())


def _with_all_for_training(data: PreparedData) -> PreparedData:
    config = data.config.model_copy(update={"fit_on_all": 1.0})
    return replace(data, config=config, dataset=make_dataset(data.corpus, config))


def _probabilities(
    job: Job, done: PlanResult, parts: Sequence[Part], dataset: Dataset
) -> dict[str, Floats]:
    """Return the probabilities of each model, ``(n, n_topics)``: means over seeds."""
    from rnnbench.models.estimators import platt_curve, temperature

    order = np.argsort(np.concatenate(list(map(attrgetter("chosen"), parts))))
    step = 1 + len(order) // MOST_FOR_CURVE
    form = form_of(dataset.y_train)
    fitted = platt_curve
    if form.has_one_label:
        fitted = temperature
    is_topic = form.indicators(dataset.y_train, len(dataset.topics)).astype(float)
    of_models = {}
    for name, of_seeds in complete(job.benchmark.models, done).items():
        total = np.zeros(is_topic.shape)
        for results in of_seeds.values():
            of_parts = list(map(attrgetter("scores"), results))
            scores = np.concatenate(of_parts)[order].astype(float)
            slope, offset = fitted(scores[::step], is_topic[::step])
            total += np.exp(form.log_probabilities(slope * scores + offset))
        of_models[name] = total / len(of_seeds)
    return of_models


def _results(
    job: Job, data: PreparedData, done: PlanResult, of_models: Mapping[str, Floats]
) -> SuspectsResults:
    """Return what the answers of the models say about the labels."""
    labels = data.dataset.y_train
    probabilities = np.mean(list(of_models.values()), axis=0)
    scores = suspicion(probabilities, labels)
    agreement = float((scores < 0.5).mean())
    wrong = None
    if form_of(labels).has_one_label and agreement >= ENOUGH:
        estimate = wrong_labels(probabilities, labels)
        if estimate.share <= MOST_OF_OTHERS * (1 - agreement):
            wrong = WrongShare.model_validate(estimate._asdict())
    suspects = _suspects(data, {TOGETHER: probabilities, **of_models}, scores)
    return SuspectsResults(
        name=job.benchmark.name,
        command=job.command,
        dataset=job.data.summary,
        folds=len(set(map(attrgetter("part"), done.plan.trials))),
        models=list(of_models),
        n_documents=len(labels),
        agreement=agreement,
        wrong=wrong,
        n_contradicted=int((scores > 0.5).sum()),
        n_copies=len(list(filter(attrgetter("near_copy"), suspects))),
        suspects=suspects,
        missing=done.missing,
    )


def _suspects(
    data: PreparedData, of_models: Mapping[str, Floats], scores: Floats
) -> list[Suspect]:
    """Return the contradicted documents, and those with a near-copy, by suspicion."""
    corpus = data.corpus
    documents = data.dataset.train_documents
    task = usual_task(form_of(data.dataset.y_train))
    answered = {}
    for name, probabilities in of_models.items():
        answered[name] = _relabeled(data, task.answers(probabilities, HALF))
    suggested = answered.pop(TOGETHER)
    own = _relabeled(data, data.dataset.y_train)
    near_copies = _other_labels_of_copies(data)
    is_listed = scores > 0.5
    is_listed[list(near_copies)] = True
    order = np.argsort(-scores, kind="stable")
    listed = order[is_listed[order]].tolist()
    evidence = Evidence(own, documents)
    texts = texts_of(corpus, documents[listed].tolist())
    suspects: list[Suspect] = []
    for position, text in zip(listed, texts, strict=True):
        document = int(documents[position])
        place = f"document {document}"
        if text.excerpt:
            place = text.excerpt.place
        answers = {}
        for name, of_model in answered.items():
            answers[name] = joined_topics(of_model, document)
        words = {}
        if len(suspects) < WITH_WORDS and scores[position] > 0.5:
            words = evidence.words_for(document, suggested)
        near_copy = ""
        if position in near_copies:
            other = int(documents[near_copies[position]])
            near_copy = f"document {other} is {joined_topics(own, other) or NONE}"
        suspect = Suspect(
            document=document,
            place=place,
            text=beginning(text, N_WORDS),
            label=joined_topics(corpus, document),
            suggested=joined_topics(suggested, document),
            score=float(scores[position]),
            answers=answers,
            words=words,
            near_copy=near_copy,
        )
        suspects.append(suspect)
    return suspects


def _relabeled(data: PreparedData, answers: Labels) -> Corpus:
    """Return a corpus with answers as labels; topics that no model learns stay."""
    corpus = data.corpus
    topics = data.dataset.topics
    rows = form_of(corpus.labels).indicators(corpus.labels, len(corpus.topics)).copy()
    columns = np.array(list(map(corpus.topics.index, topics)))
    places = np.ix_(data.dataset.train_documents, columns)
    rows[places] = form_of(answers).indicators(answers, len(topics))
    return replace(corpus, labels=rows)


def _other_labels_of_copies(data: PreparedData) -> dict[int, int]:
    """Return the first near-copy with another label of each document that has one.

    Both are positions among the documents.
    """
    groups = data.corpus.copies[data.dataset.train_documents].tolist()
    keys = keys_of(data.dataset.y_train)
    firsts: dict[int, dict[Key, int]] = {}
    for position, (group, key) in enumerate(zip(groups, keys, strict=True)):
        firsts.setdefault(group, {}).setdefault(key, position)
    others: dict[int, int] = {}
    for position, (group, key) in enumerate(zip(groups, keys, strict=True)):
        for other_key, other in firsts[group].items():
            if other_key != key:
                others.setdefault(position, other)
    return others
