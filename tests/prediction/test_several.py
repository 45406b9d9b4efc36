"""Kept models of documents with any number of topics: the rule of the trial gives the
answers.
"""

import csv
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from factories import SEVERAL, corpus_of_several
from rich.console import Console

from rnnbench.data.config import Data
from rnnbench.data.dataset import make_dataset
from rnnbench.data.fetch import silent
from rnnbench.data.vocabulary import Vocabulary
from rnnbench.models.baselines import parse_baseline
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork
from rnnbench.outside.columns import Reading
from rnnbench.outside.files import read_answers
from rnnbench.prediction.command import prediction_table
from rnnbench.prediction.predict import KeptModel
from rnnbench.prediction.table import Question, Target, predict_table
from rnnbench.tasks import ALWAYS, MULTI_LABEL, Decision
from rnnbench.training.engines import ENGINES, FitRequest, ignore
from rnnbench.training.settings import Training

SIGMOID = {"dense": {"units": "topics", "activation": "sigmoid"}}
LAYERS = [{"embedding": {"dim": 6}}, {"pooling": {"by": "max"}}, SIGMOID]
NETWORK = LayeredNetwork.model_validate({"layers": LAYERS})
BASELINES = [
    "tfidf_linear_svm", "nb_svm", "tfidf_logistic_regression", "multinomial_naive_bayes",
    "complement_naive_bayes", "most_frequent",
    {"tfidf_linear_svm": {"calibrated": True}},
    {"tfidf_linear_svm": {"weights": "log_odds"}},
]  # fmt: skip


def vocabulary_of(words, timesteps):
    return Vocabulary(
        dataset_fingerprint="d",
        source="modapte",
        words=list(words),
        topics=list(SEVERAL),
        timesteps=timesteps,
        padding="pre",
        truncating="pre",
    )


@pytest.fixture(scope="module", params=["network", *BASELINES])
def trained(request, tmp_path_factory):
    """A trial of a model, the same model as it is kept, and its dataset."""
    dataset = make_dataset(corpus_of_several(), Data(pad_length=8))
    is_network = request.param == "network"
    model = (
        NETWORK if is_network else BaselineModel(baseline=parse_baseline(request.param))
    )
    recipe = Training(epochs=60, batch_size=8, learning_rate=0.05, validation_split=0.3)
    engine = ENGINES["native" if is_network else "scikit-learn"]
    result = engine.fit(FitRequest(model, dataset, recipe, 0, ignore, keep_model=True))
    file = tmp_path_factory.mktemp("kept") / "model.npz"
    np.savez(file, *result.weights)
    vocabulary = vocabulary_of(dataset.vocabulary, dataset.timesteps)
    rule = MULTI_LABEL, result.record.decision
    return result, KeptModel("mine", 0, model, *rule, file, vocabulary, None), dataset


def test_it_answers_as_in_the_trial(trained):
    result, kept, dataset = trained
    is_margin = result.record.score_kind == "margins"
    expected = result.scores if is_margin else np.exp(result.scores)
    corpus = corpus_of_several()
    texts = [" ".join(corpus.words(document)) for document in dataset.test_documents]

    assert kept.decision_function(texts) == pytest.approx(expected, abs=2e-6)
    answers = MULTI_LABEL.answers(result.scores, result.record.decision)
    np.testing.assert_array_equal(kept.predict(texts), answers)
    answered = [
        [topic in prediction.answers for topic in SEVERAL]
        for prediction in kept.answers(texts)
    ]
    np.testing.assert_array_equal(answered, answers)
    assert kept.classes_.tolist() == list(SEVERAL)


@pytest.fixture
def kept(tmp_path):
    """A model with a probability of 0.8, 0.4 and 0.1 for texts with a word that it
    knows.
    """
    odds = np.log([4.0, 2 / 3, 1 / 9])
    facts = {"reads_words": False, "gives_probabilities": True, "has_one_label": False}
    rule = json.dumps(facts | {"labels": [0, 1, 2], "counts": []}).encode()
    arrays = [np.frombuffer(rule, np.uint8), np.zeros((0, 3)), odds, np.zeros(0)]
    file = tmp_path / "model.npz"
    np.savez(file, *arrays, np.zeros(0, np.uint8))
    model = BaselineModel(baseline=parse_baseline("multinomial_naive_bayes"))
    words = vocabulary_of(["corn"], 5), "text"
    return KeptModel("mine", 0, model, MULTI_LABEL, None, file, *words)


def decide(kept, threshold, **rule):
    kept.decision = Decision(threshold=np.log(threshold).tolist(), **rule)


def shown(prediction):
    console = Console(width=70)
    with console.capture() as text:
        console.print(prediction_table(prediction))
    return [line.split()[0] for line in text.get().splitlines() if line.strip()][:4]


def test_given_topics_come_first_without_brackets(kept):
    decide(kept, [0.9, 0.3, 0.05])

    (prediction,) = kept.answers("corn", 1)
    assert (prediction.answers, prediction.answer) == (["grain", "ship"], "grain, ship")
    assert [(topic.topic, topic.given) for topic in prediction.topics] == [
        ("grain", True),
        ("ship", True),
    ]
    assert shown(kept.answers("corn")[0]) == ["grain", "ship", "(corn)", "1"]
    assert kept.predict(["corn"]).tolist() == [[0, 1, 1]]
    assert kept.answers("zzz")[0].answer is None


def test_an_answer_may_have_no_topic(kept):
    decide(kept, 0.9)

    (prediction,) = kept.answers("corn")
    assert (prediction.answers, prediction.answer, len(prediction.topics)) == (
        [],
        "none",
        3,
    )
    assert shown(prediction) == ["none", "(corn)", "(grain)", "(ship)"]


@pytest.mark.parametrize(
    ("threshold", "sureness"),
    [(0.5, 0.8), (0.3, 0.4), (0.9, 0.2)],
    ids=["one", "two", "none"],
)
def test_an_answer_is_as_sure_as_its_least_probable_topic_or_as_that_there_is_none(
    kept, threshold, sureness
):
    decide(kept, threshold)

    for below, unsure in ((sureness - 1e-6, False), (sureness + 1e-6, True)):
        (prediction,) = kept.answers("corn", unsure_below=below)
        assert (prediction.unsure, prediction.answer == "unsure") == (unsure, unsure)


@pytest.mark.parametrize(
    ("threshold", "rule", "words"),
    [
        (0.4, {}, "topics with a probability of at least 0.4"),
        ([0.9, 0.3, 0.05], {}, "of at least 0.05 to 0.9, by topic"),
        (0.4, {"best_above": ALWAYS}, "at least 0.4; if there is none, the best"),
        (0.4, {"best_above": np.log(0.2)}, "if there is none, the best from 0.2 on"),
    ],
    ids=["one", "by topic", "or the best", "or the best above another"],
)
def test_the_threshold_of_answers_is_put_in_words(kept, threshold, rule, words):
    decide(kept, threshold, **rule)

    assert kept.rule().endswith(words)
    assert kept.threshold == pytest.approx(threshold)


def test_a_table_joins_topics_by_the_separator_of_the_table_of_the_run(kept, tmp_path):
    source = tmp_path / "in.csv"
    out = tmp_path / "out.csv"
    source.write_text("text\ncorn\n")
    decide(kept, 0.3)

    question = Question(replace(kept, label_separator="; "))
    predict_table(question, source, Target(out), "text", silent)

    (row,) = csv.DictReader(out.read_text().splitlines())
    assert row["predicted"] == "corn; grain"


FORMS = {
    "joined": {"label_separator": ";"},
    "lists": {"label_separator": "[]"},
    "0 and 1": {"label_columns": ["corn", "grain", "ship"]},
}


@pytest.mark.parametrize("form", FORMS)
def test_answers_are_read_back_as_they_were_written(kept, tmp_path, form):
    decide(kept, 0.3)
    source = tmp_path / "in.csv"
    out = tmp_path / "out.csv"
    source.write_text("id,text\n1,corn\n2,corn\n")
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"id": 1, "label": ["grain", "corn"]}\n{"id": 2, "label": []}\n')

    question = Question(replace(kept, **FORMS[form]))
    predict_table(question, source, Target(out), "text", silent)

    separator = FORMS[form].get("label_separator")
    (read,) = read_answers([str(out)], gold, Reading(separator=separator)).values()
    assert list(read.answers["out"][0]) == [["corn", "grain"]] * 2


def test_columns_of_labels_are_numbers_for_pandas(kept, tmp_path):
    decide(kept, 0.3)
    source = tmp_path / "in.csv"
    out = tmp_path / "out.csv"
    source.write_text("text,corn,grain\ncorn,1,0\ncorn,1,1\n")

    question = Question(replace(kept, label_columns=["corn", "grain"]))
    predict_table(question, source, Target(out), "text", silent)

    frame = pd.read_csv(out)
    assert frame["predicted_grain"].tolist() == [1, 1]
    assert list(frame)[3:6] == ["predicted_corn", "predicted_grain", "probability"]


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_tables_join_topics_or_list_them_with_their_number(kept, tmp_path, ending):
    source = tmp_path / "in.csv"
    out = tmp_path / f"out{ending}"
    source.write_text("text\ncorn\nzzz\n")

    def rows(threshold):
        decide(kept, threshold)
        predict_table(Question(kept), source, Target(out), "text", silent)
        lines = out.read_text().splitlines()
        records = csv.DictReader(lines) if ending == ".csv" else map(json.loads, lines)
        return [list(row.values())[1:4] for row in records]

    if ending == ".csv":
        assert rows(0.3) == [["corn, grain", "0.8", "2"], ["", "", ""]]
        assert rows(0.9)[0] == ["", "0.8", "0"]
    else:
        assert rows(0.3) == [[["corn", "grain"], 0.8, 2], [None, None, None]]
        assert rows(0.9)[0] == [[], 0.8, 0]
