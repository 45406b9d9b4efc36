"""A tiny transformer is fine-tuned: what it learns, and that it is the same each
time.
"""

import json

import numpy as np
import pytest
from factories import corpus_of_several, corpus_of_texts
from kills import train_with_kills
from newswires import write_files
from numpy.testing import assert_allclose, assert_array_equal
from tiny_bert import write_tiny_bert

from rnnbench.data.config import Data
from rnnbench.data.dataset import make_dataset
from rnnbench.data.held_out import hold_out_part, make_parts
from rnnbench.errors import UserError
from rnnbench.models.layers import Shape
from rnnbench.plugins.transformer.config import Transformer
from rnnbench.plugins.transformer.engine import TRANSFORMERS
from rnnbench.plugins.transformer.model import TransformerModel
from rnnbench.prediction.predict import find_model
from rnnbench.tasks import MULTI_LABEL
from rnnbench.training.engines import FitRequest, ignore
from rnnbench.training.settings import Training

REASON = "needs pip install 'rnnbench[transformers]'"
pytest.importorskip("torch", reason=REASON)
pytest.importorskip("transformers", reason=REASON)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """The folder of a tiny model without dropout."""
    TRANSFORMERS.prepare(1)
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return write_tiny_bert(tmp_path_factory.mktemp("models") / "bert", **off)


@pytest.fixture(scope="module")
def one_topic():
    """Documents whose topic is their third word, among words that the vocabulary
    lacks.
    """
    texts = [f"the word{n % 30} {('corn', 'ship')[n % 2]} unseen{n}" for n in range(60)]
    labels = [("corn", "ship")[n % 2] for n in range(60)]
    return make_dataset(corpus_of_texts(texts, labels), Data(split="last", num_words=5))


@pytest.fixture(scope="module")
def several():
    return make_dataset(corpus_of_several(90), Data())


def fit(
    folder,
    dataset,
    seed=0,
    on_epoch=ignore,
    share=0.0,
    training=None,
    *,
    keep=False,
    **values,
):
    usual = {"epochs": 12, "learning_rate": 0.01, "batch_size": 8, "max_length": 32}
    section = Transformer(**{"name": str(folder)} | usual | values)
    own = {"validation_split": share} | (training or {})
    model = TransformerModel(transformer=section, training=own)
    whole = Training.model_validate(dict(Training()) | model.own_training)
    return model, TRANSFORMERS.fit(
        FitRequest(model, dataset, whole, seed, on_epoch, keep)
    )


def test_it_learns_one_topic_from_words_without_ids(bert, one_topic):
    told = []

    _, result = fit(
        bert, one_topic, on_epoch=lambda *facts: told.append(facts), share=0.25
    )

    record = result.record
    assert not {"corn", "ship"} & {*one_topic.vocabulary}
    assert result.scores.argmax(axis=1).tolist() == one_topic.y_test.tolist()
    assert_allclose(np.exp(result.scores).sum(axis=1), 1, rtol=1e-5)
    assert [epoch for epoch, *_ in told] == [*range(1, 13)]
    assert record.best_epoch is not None
    assert record.steps == 12 * 5  # 36 documents in batches of 8
    assert len(record.history.val_score) == 12
    assert record.history.loss[-1] < record.history.loss[0]


def test_it_learns_several_topics_with_a_threshold_of_held_out_documents(bert, several):
    _, result = fit(bert, several, share=0.25)

    answers = MULTI_LABEL.answers(result.scores, result.record.decision)
    assert MULTI_LABEL.score(several.y_test, answers) > 0.9


def test_the_bias_of_several_topics_starts_at_their_log_odds(bert, several):
    at_half = {"decision": {"threshold": 0.5, "none": "best"}}
    _, result = fit(
        bert, several, training=at_half, keep=True, epochs=1, learning_rate=1e-9
    )

    share = (several.y_train.sum(0) + 0.5) / (len(several.y_train) + 1)
    assert_allclose(1 / (1 + np.exp(-result.weights[-1])), share, rtol=1e-5)


def test_only_the_same_seed_gives_the_same_bits(tmp_path, one_topic):
    folder = write_tiny_bert(tmp_path / "with_dropout")
    first, again, other = (
        fit(folder, one_topic, seed, epochs=2)[1].scores.tobytes() for seed in (3, 3, 4)
    )

    assert first == again != other


def test_a_killed_training_continues_with_the_same_bits(tmp_path, one_topic):
    folder = write_tiny_bert(tmp_path / "with_dropout")
    _, expected = fit(folder, one_topic, epochs=2, keep=True)

    (_, result), n_kills = train_with_kills(
        tmp_path / "a.npz", 3, lambda: fit(folder, one_topic, epochs=2, keep=True)
    )

    assert n_kills == 4
    assert result.record.history == expected.record.history
    for ours, theirs in zip(result.weights, expected.weights, strict=True):
        assert_array_equal(ours, theirs)


def test_an_epoch_may_have_some_steps(bert, one_topic):
    _, result = fit(bert, one_topic, training={"steps_per_epoch": 2}, epochs=3)

    assert result.record.steps == 3 * 2
    assert np.isfinite(result.record.history.loss).all()


def test_gradients_are_the_same_whether_or_not_documents_go_through_in_parts(
    bert, several, monkeypatch
):
    from rnnbench.plugins.transformer import classifier as own

    section = Transformer(name=str(bert), max_length=32)
    classifier = own.FineTuned(section, Shape.of(several))
    classifier.net.eval()  # without dropout
    x = classifier.pieces([several.text(number) for number in range(7)])
    gradients = []
    for parts in (4, 1):
        monkeypatch.setattr(own, "PARTS", parts)
        classifier.net.zero_grad()
        logits = own.add_gradients(
            classifier, x, several.y_train[:7], own.torch.ones(7)
        )
        gradients.append(
            [logits, *(weight.grad.numpy() for weight in classifier.net.parameters())]
        )

    for in_parts, at_once in zip(*gradients, strict=True):
        assert_allclose(in_parts, at_once, atol=1e-5)


def test_training_ends_early_when_epochs_get_no_better(bert, one_topic):
    stopping = {"early_stopping": {"patience": 2}}

    _, result = fit(bert, one_topic, share=0.25, training=stopping, learning_rate=1e-12)

    assert (result.record.best_epoch, result.record.epochs) == (1, 3)


def test_held_out_documents_are_read_in_place_of_those_to_test_on(
    one_topic,
):
    (_, part, *_) = make_parts(5, None)

    held = hold_out_part(one_topic, part)

    texts = [held.text(number) for number in held.test_documents]
    assert all(text.startswith("the word") for text in texts)
    assert {held.text(number) for number in one_topic.test_documents} == {""}


def test_a_kept_model_gives_texts_its_scores_unless_its_files_have_changed(
    tmp_path, one_topic
):
    folder = write_tiny_bert(tmp_path / "bert")
    model, result = fit(folder, one_topic, keep=True, epochs=1)
    texts = [one_topic.text(number) for number in one_topic.test_documents]

    read = TRANSFORMERS.reader(model, result.weights, Shape.of(one_topic))

    assert_array_equal(read(texts), result.scores)
    wrong = [*result.weights[:-1], np.zeros(9, np.float32)]
    with pytest.raises(ValueError, match="in place of"):
        TRANSFORMERS.reader(model, wrong, Shape.of(one_topic))
    (folder / "vocab.txt").write_text("another")
    with pytest.raises(UserError, match="are not those that were trained"):
        TRANSFORMERS.reader(model, result.weights, Shape.of(one_topic))


def rename(folder):
    from safetensors.numpy import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    renamed = {
        name.replace("layer.1", "tier.1"): array for name, array in weights.items()
    }
    save_file(renamed, folder / "model.safetensors", {"format": "pt"})


def need_code(folder):
    config = json.loads((folder / "config.json").read_text())
    classes = {
        "AutoModelForSequenceClassification": "own.Own",
        "AutoConfig": "own.Config",
    }
    (folder / "config.json").write_text(
        json.dumps(config | {"model_type": "own", "auto_map": classes})
    )
    (folder / "own.py").write_text("open('run', 'w')")


@pytest.mark.parametrize(
    ("spoil", "values", "message"),
    [
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"?"),
            {},
            "cannot be loaded: ",
        ),
        (rename, {}, "has no weights called encoder.layer.1"),
        (need_code, {}, "cannot be loaded: "),
        (lambda _: None, {"max_length": 65}, r"max_length: got 65 \(at most 64\)"),
    ],
    ids=["damaged", "other names", "code", "too long"],
)
def test_a_model_that_does_not_fit_is_refused(
    working_folder, one_topic, spoil, values, message
):
    folder = write_tiny_bert(working_folder / "bert")
    spoil(folder)

    with pytest.raises(UserError, match=message):
        fit(folder, one_topic, **values)
    assert not (working_folder / "run").exists()


CONFIG = """\
name: tiny
data: {source: sgml, path: sgml, test_split: 0.5}
models:
  bert: {transformer: {name: bert, epochs: 2, batch_size: 4, learning_rate: 0.01, max_length: 32}}
"""


def test_a_run_keeps_a_model_that_explains_its_answers(working_folder, tiny_sgml, cli):
    write_tiny_bert(working_folder / "bert")
    write_files(working_folder / "sgml", tiny_sgml)
    (working_folder / "tiny.yaml").write_text(CONFIG)

    before = cli("config", "check", "tiny.yaml", "--set", "data.path=sgml")
    done = cli("run", "tiny.yaml", "--jobs", "1", "--save-models")

    assert before.exit_code == 0, before.output
    assert done.exit_code == 0, done.output
    results = json.loads((working_folder / "results/tiny/results.json").read_text())
    (model,) = results["models"]
    assert (model["pretrained"], model["training"]["epochs"]) == ("language model", 2)
    assert results["engine"] == "transformers"
    kept = find_model(working_folder / "results/tiny", "bert", None)
    (answer,) = kept.answers(["Net profit rose 7 pct"], explain=True)
    assert answer.topics
    assert answer.decided_by is not None
    assert cli("models", "show", "tiny.yaml").output.count("bert") >= 2
    exported = cli("models", "export", "results/tiny", "bert", "--out", "bert.keras")
    assert exported.exit_code == 2, exported.output


def test_a_folder_without_a_model_is_refused_in_one_sentence(tmp_path):
    from rnnbench.plugins.transformer.classifier import FineTuned

    with pytest.raises(UserError, match=r"^transformer.name: \S+ has no config.json "):
        FineTuned(Transformer(name=str(tmp_path)), Shape(9, 2, n_ids=5))
