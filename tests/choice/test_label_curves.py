"""``choose`` with subsets: what more labels would bring."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import rnnbench
from rnnbench.choice.choose import load_choice
from rnnbench.data.dataset import make_dataset
from rnnbench.data.held_out import Part, make_parts, with_subsets
from rnnbench.data.load import prepare
from rnnbench.data.subsets import Subset
from rnnbench.errors import UserError
from rnnbench.job import load_config
from rnnbench.training.word_vectors import texts_for

CONFIG = """\
name: mine
data: {source: files, path: texts.csv, test_split: 0.2, split: shuffled}
training: {epochs: 1, batch_size: 4}
models:
  nb: {baseline: multinomial_naive_bayes}
  svm: {baseline: tfidf_linear_svm}
"""
N = 150


pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(CONFIG)
    random = np.random.default_rng(0)
    rows = [("text", "label", "author")]
    for n in range(N):
        words = random.choice(["cheap", "lunch", "pills", "at", "noon"], 3)
        label = "spam" if (words == "cheap").any() else "ham"
        rows.append((f"{' '.join(words)} only{n}", label, n // 3))
    with Path("texts.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def choose(**options):
    usual = {"shares": "20%,50%,100%", "progress": False}
    return rnnbench.choose("mine.yaml", **usual | options)


def trials():
    return {file.name for file in Path("results/choice-mine/trials").iterdir()}


def test_each_model_has_a_score_for_each_size():
    curves = choose().results.curves

    assert [size.name for size in curves.sizes] == ["20%", "50%", "100%"]
    assert [size.labels for size in curves.sizes] == [19, 48, 96]
    assert {curve.model for curve in curves.curves} == {"nb", "svm"}
    for curve in curves.curves:
        assert [len(draws) for draws in curve.of_draws] == [3, 3, 3]
        for score, interval in zip(curve.scores, curve.intervals, strict=True):
            assert 0 <= interval.low <= score <= interval.high <= 1


def test_the_models_are_ranked_after_learning_from_the_largest_subset():
    results = choose().results

    scores = {curve.model: curve.scores[-1] for curve in results.curves.curves}
    for candidate in results.candidates:
        assert candidate.score == pytest.approx(scores[candidate.name])
    assert results.held_out == 72
    assert results.how() == "72 of 120 training documents (3 of 5 folds)"


def test_the_test_documents_can_be_tested_on():
    results = choose(on_test=True).results

    assert [size.labels for size in results.curves.sizes] == [24, 60, 120]
    assert results.how() == "the 30 test documents"
    assert len(trials()) == 2 * (3 + 3 + 1)


def test_with_all_labels_test_documents_are_answered_as_in_a_run():
    curves = choose(on_test=True, shares="50%,100%").results.curves

    run = rnnbench.run("mine.yaml", progress=False)
    for curve in curves.curves:
        assert curve.scores[-1] == pytest.approx(run.accuracy(curve.model))


def test_test_documents_choose_no_model():
    choice = choose(on_test=True)

    assert choice.results.candidates == []
    with pytest.raises(UserError, match="test documents recommend no model"):
        choice.recommended  # noqa: B018


def test_a_page_of_test_documents_shows_labels_alone():
    choose(on_test=True)

    page = load_choice("results/choice-mine").write_report().read_text()

    assert "More labels" in page
    assert "Recommended" not in page


@pytest.mark.parametrize("option", [{"folds": 3}, {"last": 0.2}, {"then_fit": True}])
def test_test_documents_go_with_no_other_choice(option):
    with pytest.raises(UserError, match=f"on_test: not with {next(iter(option))}"):
        choose(on_test=True, **option)


def test_test_documents_need_subsets():
    with pytest.raises(UserError, match="on_test: needs shares or labels"):
        choose(on_test=True, shares=None)


def test_all_documents_are_learned_from_once_if_the_last_ones_are_held_out():
    curves = choose(shares="50%,100%", last=0.2).results.curves

    assert len(trials()) == 2 * (3 + 1)
    for curve in curves.curves:
        assert len(set(curve.of_draws[-1])) == 1


def test_the_same_call_trains_nothing_again():
    choose()
    before = trials()
    assert choose(shares="20%,100%").results.curves.sizes[0].labels == 19

    assert trials() == before


@pytest.mark.parametrize("part", [*make_parts(5, None)[:2], Part(share=0.2)], ids=str)
def test_a_subset_reads_no_other_text(part):
    data = prepare(load_config("mine.yaml").data)
    whole = data.dataset
    subset = Part(part.number, part.folds, part.share, Subset(0.1))

    dataset = make_dataset(data.corpus, data.config, blind=True, part=subset)

    learned = dataset.train_documents
    words = {word for n in learned for word in data.corpus.words(n)}
    assert len(learned) == 10
    assert set(dataset.vocabulary) == words
    assert sum(map(len, texts_for(dataset, 0, unlabeled=False))) == 40
    tested, _ = np.sort(part.positions(whole.y_train)), learned
    assert list(dataset.test_documents) == list(whole.train_documents[tested])


def test_words_are_ranked_in_the_subset_alone():
    data = prepare(load_config("mine.yaml").data)
    (part, *_) = with_subsets(make_parts(5, None), [0.3], 2)

    dataset = make_dataset(data.corpus, data.config, blind=True, part=part)

    counts = {}
    for number in dataset.train_documents:
        for word in data.corpus.words(number):
            counts[word] = counts.get(word, 0) + 1
    in_order = [counts[word] for word in dataset.vocabulary]
    assert in_order == sorted(in_order, reverse=True)
    assert dataset.x_train.max() == len(counts) + 3


def test_groups_are_whole_in_subsets():
    choice = choose(group="author", shares="30%,100%")

    labels = [size.labels for size in choice.results.curves.sizes]
    assert all(n % 3 == 0 for n in labels)


def test_labels_that_a_subset_lacks_are_named():
    with Path("texts.csv").open("a") as file:
        file.write("so rare,rare,1000\nso very rare,rare,1001\n" * 3)

    choice = choose(shares=None, labels="2,90")

    first = choice.results.curves.sizes[0]
    words = " ".join(str(choice).split())
    assert "rare" in first.absent
    assert "With 2 labels, some draw has no document of rare, spam." in words


def test_a_single_size_says_nothing_of_more_labels():
    words = " ".join(str(choose(shares="50%")).split())

    assert "Use two sizes or more to see what more labels would bring." in words
    assert "twice the labels (" not in words


def test_two_folds_have_two_draws():
    assert choose(folds=2).results.curves.draws == 2


def test_json_has_everything():
    choice = choose()

    stored = json.loads(Path("results/choice-mine/choice.json").read_text())
    (curve, _) = stored["curves"]["curves"]
    assert set(curve) >= {"floor", "exponent", "twice", "intervals", "of_draws"}
    assert rnnbench.load_choice("results/choice-mine").results == choice.results


def test_a_frame_has_a_row_for_each_model_by_size():
    frame = choose().labels_frame()

    assert list(frame) == ["model", "size", "labels", "score", "low", "high"]
    assert list(frame["labels"]) == [19, 48, 96] * 2
    with pytest.raises(rnnbench.UserError, match=r"no subsets \(use shares or labels"):
        choose(shares=None, out="plain").labels_frame()


def test_the_page_shows_the_curves():
    choice = choose()

    page = choice.write_report().read_text()

    assert "More labels" in page
    assert "nb would gain" in page
    assert Path("results/choice-mine/plots/labels.png").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "20,50"}, "use either shares or labels, not both"),
        ({"draws": 6}, r"draws: got 6 \(allowed: 2 to 5"),
        ({"draws": 1}, "draws: got 1 .allowed: 2 to 5"),
        ({"shares": None, "draws": 3}, "draws: needs shares or labels"),
        ({"shares": None, "labels": "500"}, "labels: got 500 .allowed: 2 to 96"),
        ({"shares": ""}, "shares: got "),
        ({"on": "all", "then_fit": True}, "on: 'all' needs all folds"),
        ({"shares": "1%"}, "fold 1 of 5, 1% of the others, draw 1: all documents"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said(options, message):
    with pytest.raises(rnnbench.UserError, match=message):
        choose(**options)
