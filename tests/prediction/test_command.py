"""``rnnbench predict``, as it is typed, with the networks of a real run."""

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from rnnbench.analysis.errors import DocumentText, hardest_documents
from rnnbench.analysis.summary import load_run
from rnnbench.config.load import load
from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import load_corpus
from rnnbench.data.vocabulary import Vocabulary, encode
from rnnbench.errors import UserError
from rnnbench.prediction.command import MAX_BYTES, prediction_table, read_texts
from rnnbench.prediction.predict import Prediction, TopicScore, find_model
from rnnbench.prediction.report import explain_answers
from rnnbench.report.page import PageContent, render
from rnnbench.report.sections.base import Reported
from rnnbench.report.sections.errors import errors
from rnnbench.report.sections.scores import best_first
from rnnbench.results.schema import MissingTrial, Results
from rnnbench.results.store import VOCABULARY, Store
from rnnbench.storage import read_record, sha256_file, write_document
from rnnbench.training.outcome import TrialRecord

TEXT = "Net profit rose 7 pct in the quarter"


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of that folder, for changes."""
    return shutil.copytree(finished, tmp_path / "tiny")


@pytest.fixture
def predict(cli, finished):
    """Return the predictions for the command's arguments after the folder and the
    model.
    """

    def run(*arguments, folder=finished, stdin=None, model="reader"):
        done = cli("predict", folder, model, *arguments, "--json", stdin=stdin)
        assert (done.exit_code, done.stderr) == (0, "")
        document = json.loads(done.stdout)
        assert document["schema_version"] == 1
        return document["predictions"]

    return run


@pytest.fixture
def refused(cli):
    """Return the message of a command that the user must correct."""

    def run(*arguments):
        done = cli("predict", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        return done.stderr

    return run


def probabilities(prediction):
    return {topic["topic"]: topic["probability"] for topic in prediction["topics"]}


def test_the_most_probable_topics_come_first_with_bars(cli, finished):
    done = cli("predict", finished, "reader", f"{TEXT} zzz")

    assert (done.exit_code, done.stderr) == (0, "")
    first, second, words, *rest = done.stdout.splitlines()
    assert re.fullmatch(r"earn +[01]\.\d{4}  █+ *", first)
    assert re.fullmatch(r"acq +0\.\d{4}  (█+|▏) *", second)
    assert first.count("█") > second.count("█")
    counts = "9 words, 8 of them read, 1 unknown: zzz"
    assert [words.rstrip(), *filter(None, rest)] == [counts]


def test_only_so_many_topics_are_shown(cli, finished):
    first = cli("predict", finished, "reader", f"{TEXT} zzz").stdout.splitlines()[0]

    (top,) = cli(
        "predict", finished, "reader", f"{TEXT} zzz", "--top", 1
    ).stdout.splitlines()[:1]
    assert (top, "acq" in top) == (first, False)


def test_json_is_one_document_with_a_prediction_for_each_text(predict):
    first, second = predict(TEXT, "It buys unit 3")

    assert list(first) == ["words", "words_read", "unknown_words", "topics"]
    assert (first["words"], first["words_read"], first["unknown_words"]) == (8, 8, [])
    assert second["words"] == 4


def test_json_has_the_topics_of_a_text_by_probability(predict):
    first, second = predict(TEXT, "It buys unit 3")

    for prediction, topic in ((first, "earn"), (second, "acq")):
        shares = probabilities(prediction)
        assert prediction["topics"][0]["topic"] == topic
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        assert sum(shares.values()) == pytest.approx(1, abs=1e-6)
    assert [list(probabilities(best)) for best in predict(TEXT, "--top", 1)] == [
        ["earn"]
    ]


@pytest.mark.parametrize("model", ["reader", "svm", "letters"])
def test_a_test_document_is_predicted_as_in_the_run(predict, finished, model):
    data = load(finished / "config.yaml").data
    corpus = load_corpus(data)
    documents = make_dataset(corpus, data).test_documents
    texts = [" ".join(corpus.words(document)) for document in documents]

    topics = read_record(finished / VOCABULARY, Vocabulary)[0].topics
    for trial in load_run(finished).trials[model]:
        found = predict(*texts, "--seed", trial.record.seed, model=model)

        is_margin = trial.record.score_kind == "margins"
        of_each = [
            {
                own["topic"]: own["margin" if is_margin else "probability"]
                for own in one["topics"]
            }
            for one in found
        ]
        by_label = np.array([[own[topic] for topic in topics] for own in of_each])
        assert len(found) == 22
        expected = trial.scores if is_margin else np.exp(trial.scores)
        np.testing.assert_allclose(by_label, expected, atol=1e-5)
        assert np.ptp(by_label, axis=0).max() > 0.2, "it has learned something"


def test_without_a_seed_the_first_one_answers(predict):
    assert predict(TEXT) == predict(TEXT, "--seed", 3) != predict(TEXT, "--seed", 8)


def test_without_a_model_the_most_accurate_one_answers(cli, finished):
    summaries = load_run(finished).results.models
    best = max(summaries, key=lambda model: model.score.mean)

    done = cli("predict", finished, TEXT)

    accuracy = f"(test accuracy {best.score.mean:.4f})"
    seed = best.trials[0].seed
    expected = f"Model: {best.name}, seed {seed}, the best that was kept {accuracy}\n"
    assert (done.exit_code, done.stderr) == (0, expected)
    assert done.stdout == cli("predict", finished, best.name, TEXT).stdout
    assert cli("predict", finished, TEXT, "--quiet").stderr == ""
    alone = cli("predict", finished, "profit", "--json")
    record = json.loads(alone.stdout)
    assert (record["model"], record["texts"]) == (best.name, ['"profit"'])


def test_a_model_that_was_not_kept_does_not_answer(cli, folder):
    summaries = load_run(folder).results.models
    best = max(summaries, key=lambda model: model.score.mean)

    for trial in load_run(folder).trials[best.name]:
        Store(folder).save(trial)

    assert best.name not in cli("predict", folder, TEXT).stderr


def test_without_a_model_that_was_kept_nothing_is_answered(cli, folder):
    for trials in load_run(folder).trials.values():
        for trial in trials:
            Store(folder).save(trial)

    nothing = cli("predict", folder, TEXT)
    assert (nothing.exit_code, nothing.stdout) == (2, "")
    assert (
        f"{folder}: no trained model was kept (run it again: rnnbench "
        in nothing.stderr
    )


def test_a_kept_baseline_whose_arrays_were_changed_is_refused(refused, folder):
    (trial,) = load_run(folder).trials["svm"]
    (file,) = (folder / "models").glob("svm-*.npz")
    with np.load(file) as arrays:
        description, *others = arrays.values()
    for weights in (
        [description, others[0][1:], *others[1:]],
        [np.array([{}])],
        [description] * 6,
    ):
        Store(folder).save(replace(trial, weights=weights))
        assert refused(folder, "svm", TEXT).startswith(f"unusable result: {file}: ")
    with (
        zipfile.ZipFile(file, "w") as archive,
        archive.open("arr_0.npy", "w") as member,
    ):
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
        np.lib.format.write_array_header_1_0(member, header)
    trials = folder / "trials" / f"{file.stem}.json"
    record, checksums = read_record(
        trials, TrialRecord, "predictions_sha256", "weights_sha256"
    )
    write_document(trials, record, **checksums | {"weights_sha256": sha256_file(file)})
    assert "arr_0.npy is not as large as it declares" in refused(folder, "svm", TEXT)


def test_texts_come_from_arguments_files_or_standard_input(predict, tmp_path):
    other = "It buys unit 3 of the company's"
    file = tmp_path / "newswire.txt"
    file.write_text(other, encoding="utf-8")

    typed = predict(TEXT, other)

    assert predict(TEXT, "--file", file) == typed
    assert predict("-", "--file", file, stdin=TEXT) == typed
    assert predict(TEXT, "-", stdin=f"{other}\n") == typed
    assert predict("--file", file, "--file", file) == typed[1:] * 2


@pytest.mark.parametrize(
    ("model", "kind"), [("reader", "probability"), ("svm", "margin")]
)
def test_words_decide_as_much_as_the_score_falls_without_them(predict, model, kind):
    text = "net profit rose profit 7 pct"
    (prediction,) = predict(text, "--explain", model=model)

    (first, _), words = prediction["topics"], prediction["decided_by"]["words"]
    assert list(words.values()) == sorted(words.values(), key=abs, reverse=True)
    assert {*words} == {*text.split()}
    score_of = np.log if kind == "probability" else float
    for left_out, fall in words.items():
        (rest,) = predict(
            " ".join(word for word in text.split() if word != left_out), model=model
        )
        (without,) = (
            topic[kind] for topic in rest["topics"] if topic["topic"] == first["topic"]
        )
        assert fall == pytest.approx(
            score_of(first[kind]) - score_of(without), abs=1e-4
        )


def test_only_a_text_with_an_answer_has_deciding_words_with_bars(cli, finished):
    shown = cli(
        "predict", finished, "svm", f"{TEXT} zzz", "--explain"
    ).stdout.splitlines()

    assert re.fullmatch(r"earn +-?\d\.\d{4} *", shown[0]), "a margin has no bar"
    start = shown.index("How much the margin of earn falls without the word:")
    assert re.fullmatch(
        r"\w+ +(\+\d\.\d{4}  █{30}|-\d\.\d{4}  ░{30})", shown[start + 1].rstrip()
    )
    shown = cli("predict", finished, "reader", TEXT, "--explain").stdout
    assert "How much the log-probability of earn falls without the word:\n" in shown
    nothing = cli("predict", finished, "reader", "zinc", "--explain").stdout
    assert "falls" not in nothing


def test_a_model_whose_best_probability_is_too_low_is_unsure(
    cli, predict, finished, folder
):
    (prediction,) = predict(TEXT)
    best = prediction["topics"][0]["probability"]

    for least, unsure in ((0, False), (best, False), (min(1, best + 1e-6), best < 1)):
        assert predict(TEXT, "--unsure-below", least)[0]["unsure"] is unsure
    assert predict("zzz", "--unsure-below", 1)[0]["unsure"] is False, "it has no answer"
    assert "unsure" not in prediction
    shown = cli(
        "predict", finished, "letters", TEXT, "--unsure-below", 1
    ).stdout.splitlines()
    assert [line.split()[0] for line in shown[:2]] == ["unsure", "earn"]
    kept = find_model(folder, "reader", None)
    with pytest.raises(UserError, match=r"^unsure_below: got nan \(should be less "):
        kept.answers([TEXT], unsure_below=float("nan"))


def test_the_page_of_errors_says_what_decided_the_answers_of_the_best_kept_model(
    finished, folder
):
    run = best_first(load_run(finished))
    corpus = load_corpus(run.benchmark.data)
    documents = make_dataset(corpus, run.benchmark.data).test_documents
    texts = [DocumentText(corpus.words(document)) for document in documents]
    hardest = hardest_documents(run.trials, 20)

    def reasons(run, texts):
        parts = errors(Reported(run, texts, 60, hardest, explain_answers)).parts
        return [content for kind, content in parts if kind == "mistake"]

    mistakes = reasons(run, texts)
    assert len(mistakes) == len(hardest) > 0
    best = run.results.models[0]
    model = find_model(finished, best.name, best.trials[0].seed)
    for document, content in zip(hardest, mistakes, strict=True):
        (prediction,) = model.answers([texts[document.position].words], explain=True)
        why = f"{best.name} (seed {model.seed}) answers {prediction.answer}. {prediction.decided_by.meaning}"
        assert (content["why"], content["words"]) == (why, prediction.decided_by.words)
    page = PageContent(
        "", "", "", [], [errors(Reported(run, texts, 60, hardest[:1], explain_answers))]
    )
    word, weight = next(iter(mistakes[0]["words"].items()))
    assert f"{word} {weight:+z.2f}" in render(page, "report.md.j2")
    assert f'<dd>{weight:+z.2f}<i style="width: 100%">' in render(page).replace(
        ' class="less"', ""
    )
    assert {content["why"] for content in reasons(run, None)} == {""}
    shutil.rmtree(folder / "models")
    assert {
        content["why"] for content in reasons(replace(run, folder=folder), texts)
    } == {""}


def test_several_texts_have_their_names_above_them(cli, finished, tmp_path):
    file = tmp_path / "newswire.txt"
    long = "profit " * 30
    file.write_text("It buys unit 3")

    arguments = "predict", finished, "reader", long, "-", "--file", file
    done = cli(*arguments, stdin=TEXT)
    names = json.loads(cli(*arguments, "--json", stdin=TEXT).stdout)["texts"]

    assert names == [
        '"profit profit profit profit profit pr..."',
        "standard input",
        str(file),
    ]
    lines = done.stdout.splitlines()
    above = [lines[lines.index(name) + 1][:4].strip() for name in names[:2]]
    assert {*above} <= {"earn", "acq"}


def test_to_a_text_of_which_no_word_is_known_there_is_no_answer(cli, predict, finished):
    unknown, partly_known = predict("zzz zinc", "zzz profit")

    assert (unknown["topics"], len(unknown["unknown_words"])) == ([], 2)
    assert partly_known["topics"]
    shown = cli("predict", finished, "reader", "zzz zinc").stdout
    assert (
        "The model knows none of the words that it read, so it has no answer." in shown
    )
    assert "earn" not in shown


def test_unknown_words_are_counted_each_time_but_listed_once(cli, predict, finished):
    few = "zzz zinc profit zzz"
    many = " ".join(f"word{number}" for number in range(12))

    (of_few,) = predict(few)
    assert of_few["unknown_words"] == ["zzz", "zinc", "zzz"]
    shown = " ".join(cli("predict", finished, "reader", few, many).stdout.split())
    assert "4 words, 3 unknown: zzz, zinc " in shown
    assert "12 words, 8 of them read, 12 unknown: word0, word1," in shown
    assert "word9 and 2 more" in shown
    assert "word10" not in shown


def test_when_the_front_is_cut_the_start_mark_goes_first(predict, folder):
    vocabulary = read_record(folder / VOCABULARY, Vocabulary)[0]
    write_document(
        folder / VOCABULARY, vocabulary.model_copy(update={"truncating": "pre"})
    )
    texts = [" ".join(["profit"] * words) for words in (8, 9, 10)]

    predictions = predict(*texts, folder=folder)

    assert [prediction["words_read"] for prediction in predictions] == [8, 9, 9]


@pytest.mark.parametrize("model", ["reader", "svm"])
def test_another_process_gives_the_same_without_tensorflow(predict, finished, model):
    code = (
        "import sys\n"
        f"sys.argv = ['rnnbench', 'predict', {str(finished)!r}, {model!r}, '-', '--json']\n"
        "from rnnbench.__main__ import main\n"
        "try: main()\n"
        "finally: assert not {'tensorflow', 'keras', 'sklearn', 'scipy'} & set(sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        input=TEXT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr == ""
    assert json.loads(done.stdout)["predictions"] == predict(TEXT, model=model)


def test_a_network_is_exported_as_a_file_for_keras(cli, finished, predict, tmp_path):
    file = tmp_path / "reader.keras"
    arguments = ("models", "export", finished, "reader", "--seed", 8, "--out", file)

    done = cli(*arguments)

    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"Written to {file}\n")
    import keras

    ids = encode([TEXT], read_record(finished / VOCABULARY, Vocabulary)[0]).ids
    (answer,) = keras.models.load_model(file).predict_on_batch(ids)
    shares = probabilities(predict(TEXT, "--seed", 8)[0])
    assert sorted(shares.values()) == pytest.approx(sorted(answer), abs=1e-6)
    again = cli(*arguments)
    exists = f"--out {file}: exists already (--force overwrites it)\n"
    assert (again.exit_code, again.stderr) == (2, exists)
    assert cli(*arguments, "--force").exit_code == 0


def test_only_a_network_is_exported_as_a_file_for_keras(cli, finished, tmp_path):
    baseline = cli("models", "export", finished, "svm", "--out", tmp_path / "svm.keras")
    wrong = "svm is not a network of Keras (allowed: layers or python)\n"
    assert (baseline.exit_code, baseline.stderr) == (2, wrong)
    other = cli("models", "export", finished, "reader", "--out", "reader.h5")
    allowed = "python (.py), onnx (.onnx), keras (.keras)"
    wrong = f"--out reader.h5: got '.h5' (allowed: {allowed})\n"
    assert (other.exit_code, other.stderr) == (2, wrong)


REFUSED = {
    "raeder profit": "'raeder' (allowed: reader, svm, letters, lots; did you mean 'reader'?)",
    "lots profit": "the trained lots cannot be kept: it is not linear in counted words",
    "reader profit --seed 4": "reader has no seed 4 (allowed: 3, 8)",
    "reader": "a text is missing",
    "reader profit !!!": "a text contains no words",
    "reader profit --top 0": "--top",
    "svm profit --unsure-below 0.5": "svm gives margins, which do not say how sure it ",
    "reader profit --unsure-below 1.5": "--unsure-below: got 1.5 (should be from 0 to 1)",
    "reader profit --unsure-below nan": "--unsure-below: got nan (should be from 0 to 1)",
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_a_wrong_argument_is_answered_with_the_right_ones(refused, finished, arguments):
    assert REFUSED[arguments] in refused(finished, *arguments.split())


def test_a_run_that_is_partial_is_said_to_be_so(cli, folder):
    results, checksums = read_record(folder / "results.json", Results, "config_sha256")
    missing = [MissingTrial(model="late", seed=3, error=None)]
    write_document(
        folder / "results.json",
        results.model_copy(update={"missing": missing}),
        **checksums,
    )
    said = cli("predict", folder, TEXT, "--quiet").stderr
    n = 1 + sum(len(model.trials) for model in results.models)
    assert said == f"{folder}: partial: 1 of {n} trials are missing\n"


def test_where_networks_were_not_kept_the_command_that_keeps_them_is_named(
    refused, folder
):
    for trial in load_run(folder).trials["reader"]:
        Store(folder).save(trial)
    shutil.rmtree(folder / "models")

    message = refused(folder, "reader", TEXT)

    assert (
        f"{folder}: the trained reader was not kept (run it again: rnnbench " in message
    )
    assert message.count("--save-models") == 1


def test_a_vocabulary_that_does_not_fit_the_network_is_refused(folder, refused):
    vocabulary = read_record(folder / VOCABULARY, Vocabulary)[0]
    for timesteps in (-1, 0, 3):
        write_document(
            folder / VOCABULARY, vocabulary.model_copy(update={"timesteps": timesteps})
        )

        assert "unusable result: " in refused(folder, "reader", TEXT)


def test_without_the_vocabulary_of_the_dataset_nothing_is_predicted(refused, folder):
    vocabulary = read_record(folder / VOCABULARY, Vocabulary)[0]
    write_document(
        folder / VOCABULARY,
        vocabulary.model_copy(update={"dataset_fingerprint": "0" * 64}),
    )

    message = refused(folder, "reader", TEXT)

    assert (
        f"{folder}: the vocabulary of its dataset was not kept (run it again: "
        in message
    )
    assert message.count("--save-models") == 1
    (folder / "models" / "vocabulary.json").unlink()
    assert refused(folder, "reader", TEXT) == message


def test_a_kept_network_is_used_though_that_of_another_seed_is_gone(
    predict, refused, folder
):
    (file,) = (folder / "models").glob("reader-seed3-*.npz")
    file.unlink()

    assert predict(TEXT, "--seed", 8, folder=folder)
    assert refused(folder, "reader", TEXT).startswith(f"unusable result: {file}: ")


@pytest.mark.parametrize("typed", [[], [""], ["net profit", " "], ["-"]])
@pytest.mark.parametrize(
    "stdin", [io.TextIOWrapper(io.BytesIO()), None], ids=["empty", "closed"]
)
def test_a_missing_or_blank_text_is_refused(monkeypatch, typed, stdin):
    monkeypatch.setattr(sys, "stdin", stdin)

    with pytest.raises(
        UserError, match=r"a text is missing \(should be TEXT, --file FILE, or - "
    ):
        read_texts(typed, [])


def test_a_file_need_not_be_utf_8_but_must_be_readable(tmp_path):
    file = tmp_path / "newswire.txt"
    file.write_bytes(b"Net profit \xff rose")

    assert read_texts(["first"], [file]) == ["first", "Net profit \ufffd rose"]
    with pytest.raises(UserError, match=f"^{tmp_path}: cannot be read: Is a directory"):
        read_texts([], [tmp_path])
    file.write_text("x" * (MAX_BYTES + 1))
    with pytest.raises(
        UserError, match=r"newswire.txt: cannot be read: longer than 1,000,000 byt"
    ):
        read_texts([], [file])


def shown(unknown):
    """Return how a prediction is shown for a text of four words."""
    topics = [TopicScore(topic="earn", probability=0.9)]
    prediction = Prediction(words=4, words_read=4, unknown_words=unknown, topics=topics)
    console = Console(file=io.StringIO(), width=80, markup=False)
    console.print(prediction_table(prediction))
    return console.file.getvalue()


def test_a_text_of_which_most_words_are_unknown_is_doubted():
    doubt = "It does not know 3 of 4 words, so do not rely on its answer."
    assert doubt in shown(["a", "b", "c"])
    few = shown(["right\u202eleft", "\x1b[31mred"])
    assert "2 unknown: right\ufffdleft, ␛[31mred" in few
    assert "rely" not in few
