"""One trial: its result, and the facts that its fingerprint depends on."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
from baseline_kinds import KINDS
from factories import SOFTMAX, corpora, corpus, train, trial
from numpy.testing import assert_array_equal
from plugin_files import MAKE, write_module

from rnnbench import environment
from rnnbench.data import cache
from rnnbench.data.config import Data
from rnnbench.environment import processor
from rnnbench.errors import RnnbenchError
from rnnbench.registry import PluginError
from rnnbench.training.engines.native.engine import NativeEngine
from rnnbench.training.trial import dataset_of
from rnnbench.training.word_vectors import pretrained_vectors

LAYERS = [{"simple_rnn": {"units": 3}}, SOFTMAX]
RNN = {"rnn": {"layers": LAYERS}}
SVM = {"svm": {"baseline": "tfidf_linear_svm"}}
OWN, LARGER = (
    {"own": {"python": "nets:make", "arguments": {"units": n}}} for n in (2, 3)
)
BATCHES = {"epochs": 1, "batch_size": 4}
"""How the trials of ``factories`` are trained."""


def of_layers(*layers):
    return {"rnn": {"layers": [*layers, SOFTMAX]}}


def pretrained(folder, initializer="ppmi_svd"):
    """Return a trial of a network that starts with word vectors."""
    embedding = {"embedding": {"dim": 3, "embeddings_initializer": initializer}}
    models = of_layers(embedding, {"pooling": {"by": "max"}})
    return trial(folder, models=models, data={"maxlen": 5})


def of_baseline(folder, baseline, **changes):
    return trial(folder, models={"it": {"baseline": baseline}}, **changes)


@pytest.fixture
def update(monkeypatch):
    """Has the machine have other versions of packages."""
    version = environment.version

    def to_99(*names):
        monkeypatch.setattr(
            environment,
            "version",
            lambda name: "99" if name in names else version(name),
        )

    return to_99


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_the_same_trial_gives_the_same_result_bit_for_bit(tmp_path, kind):
    plan = trial(tmp_path, models={"it": {"baseline": kind}} if kind else RNN)

    first = train(tmp_path, plan)
    second = train(tmp_path, plan)

    assert first.scores.shape == (10, 3)
    assert_array_equal(first.scores, second.scores)
    assert first.record.history == second.record.history


def test_pretrained_vectors_are_the_same_bit_for_bit_in_another_process(tmp_path):
    plan = pretrained(tmp_path)
    dataset = dataset_of(plan, tmp_path / "made-up.npz")
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        theirs = other.submit(pretrained_vectors, dataset, 3, 0.0).result()

    assert_array_equal(pretrained_vectors(dataset, 3, 0.0), theirs)


def test_the_result_tells_what_was_done(tmp_path):
    plan = trial(tmp_path, training={"epochs": 3, "batch_size": 4})
    seen = []

    result = train(tmp_path, plan, lambda *report: seen.append(report))

    record = result.record
    history = result.record.history
    assert (record.model, record.seed, record.engine) == ("rnn", 0, plan.engine.name)
    assert record.params == 3 * (3 + 1) + 3 + 3 * 3 + 3
    assert seen == list(zip([1, 2, 3], history.loss, history.score, strict=True))
    steps = 3 * 3  # 10 documents are two whole batches of 4 and one of 2
    assert (record.steps, record.fingerprint) == (steps, plan.fingerprint)
    assert result.score == np.mean(result.scores.argmax(axis=1) == result.labels)


def test_the_processor_that_trained_a_model_is_part_of_its_record(tmp_path):
    assert train(tmp_path, trial(tmp_path, models=SVM)).record.processor == processor()


def test_how_exactly_text_vectors_are_classified_is_part_of_the_fingerprint(tmp_path):
    as_usual = of_baseline(tmp_path, {"sentence_embedding": {"tol": 1e-8}})
    rougher = of_baseline(tmp_path, {"sentence_embedding": {"tol": 1e-4}})

    assert (
        as_usual.fingerprint == of_baseline(tmp_path, "sentence_embedding").fingerprint
    )
    assert as_usual.fingerprint != rougher.fingerprint
    described = as_usual.model.facts("training")["baseline"]["sentence_embedding"]
    assert described["tol"] == 1e-8, "its default is not that of earlier versions"


def test_the_result_of_a_baseline_tells_of_no_epochs(tmp_path):
    plan = trial(tmp_path, models=SVM)

    result = train(tmp_path, plan, pytest.fail)

    record = result.record
    assert (record.model, record.engine, record.score_kind) == (
        "svm",
        "scikit-learn",
        "margins",
    )
    assert (record.epochs, plan.epochs, result.weights) == (0, 0, None)


def test_weights_are_part_of_the_result_if_the_network_is_to_be_kept(
    tmp_path, monkeypatch
):
    plan = trial(tmp_path, training={"engine": "native", "epochs": 1})

    assert train(tmp_path, plan).weights is None
    kept = train(tmp_path, replace(plan, keep_model=True))
    assert kept.weights

    fewer = replace(kept, weights=kept.weights[:-1])
    monkeypatch.setattr(NativeEngine, "fit", lambda *_, **__: fewer)
    with pytest.raises(
        PluginError, match=r"^engine 'native' returned weights of the shapes"
    ):
        train(tmp_path, plan)


def test_a_training_that_diverges_fails(tmp_path):
    for share in (0, 0.5):
        training = {"epochs": 2, "learning_rate": 3e38, "validation_split": share}
        with pytest.raises(RnnbenchError, match=r"it diverged: .* try a smaller one"):
            train(tmp_path, trial(tmp_path, training=training))


def test_data_that_are_not_the_planned_ones_are_refused(tmp_path):
    for fact in ("corpus", "dataset", "split"):
        plan = replace(trial(tmp_path), **{f"{fact}_fingerprint": "0" * 64})
        with pytest.raises(
            RnnbenchError, match=r"made-up\.npz: changed while the benchmark ran"
        ):
            train(tmp_path, plan)


def test_a_corpus_that_was_removed_since_the_plan_is_named(tmp_path):
    plan = trial(tmp_path)
    (tmp_path / "made-up.npz").unlink()

    with pytest.raises(
        RnnbenchError, match=r"made-up\.npz: removed while the benchmark ran"
    ):
        dataset_of(plan, tmp_path / "made-up.npz")


def test_texts_that_changed_since_the_plan_are_noticed_even_where_no_array_shows_them(
    tmp_path,
):
    plan = pretrained(tmp_path)
    before = corpus()
    longest = int(np.argmax(before.lengths))
    assert before.lengths[longest] >= 5, "it is left out"
    tokens = before.tokens.copy()
    tokens[before.offsets[longest]] = tokens[before.offsets[longest]] % 8 + 1
    cache.write(tmp_path / "made-up.npz", replace(before, tokens=tokens))

    with pytest.raises(RnnbenchError, match="changed while the benchmark ran"):
        dataset_of(plan, tmp_path / "made-up.npz")
    corpora(tmp_path)
    assert dataset_of(plan, tmp_path / "made-up.npz"), "the right one is back"


DATA = {"data": {"test_split": 0.4}}
VALIDATION = {"training": {"validation_split": 0.2}}
OF_TRAINING = {
    "epochs": 2,
    "batch_size": 5,
    "learning_rate": 0.1,
    "optimizer": "sgd",
    "engine": "keras",
    "ema": 0.9,
}
"""Values that the trainings of ``factories`` do not have."""
CHANGES = [
    *((RNN, change, True) for change in ({"seed": 1}, DATA, VALIDATION)),
    *((RNN, {"training": {key: value}}, True) for key, value in OF_TRAINING.items()),
    (RNN, {"models": of_layers({"gru": {"units": 3}})}, True),
    (RNN, {"models": {"rnn": {"layers": LAYERS, "inputs": "scaled_ids"}}}, True),
    (
        RNN,
        {"models": of_layers({"simple_rnn": {"units": 3, "weight_drop": 0.1}})},
        True,
    ),
    (OWN, {"models": LARGER}, True),
    *((SVM, change, True) for change in (DATA, VALIDATION)),
    (SVM, {"models": {"svm": {"baseline": {"tfidf_linear_svm": {"C": 0.5}}}}}, True),
    (SVM, {"models": {"svm": {"baseline": "tfidf_logistic_regression"}}}, True),
    (
        SVM,
        {"models": {"svm": {"baseline": {"tfidf_linear_svm": {"max_ngram": 2}}}}},
        False,
    ),
    (SVM, {"models": {"svm": SVM["svm"] | {"chosen_from": 24}}}, False),
    *((SVM, {"training": {key: value}}, False) for key, value in OF_TRAINING.items()),
    *((SVM, change, False) for change in ({"training": {"seeds": 3}}, {"seed": 1})),
    ({"chance": {"baseline": "stratified"}}, {"seed": 1}, True),
]


@pytest.mark.parametrize(("models", "change", "differs"), CHANGES, ids=str)
def test_the_fingerprint_changes_with_what_can_change_the_outcome(
    working_folder, models, change, differs
):
    write_module(working_folder, "nets", MAKE)
    before = trial(working_folder, models=models, training=BATCHES)
    training = {"training": BATCHES | change.get("training", {})}

    after = trial(working_folder, **{"models": models} | change | training)

    assert (after.fingerprint != before.fingerprint) is differs


@pytest.mark.parametrize(
    ("baseline", "differs"),
    [
        ("tfidf_linear_svm", False),
        ({"tfidf_linear_svm": {"analyzer": "char_wb"}}, True),
        ({"tfidf_linear_svm": {"char_ngrams": [3, 5]}}, True),
        ("sentence_embedding", True),
    ],
)
def test_the_words_of_ids_change_the_fingerprint_where_a_baseline_needs_them(
    tmp_path, baseline, differs
):
    plan = of_baseline(tmp_path, baseline)

    assert (
        replace(plan, split_fingerprint="0" * 64).fingerprint != plan.fingerprint
    ) is differs


def test_threads_change_the_fingerprint_of_a_network_if_its_engine_uses_them(tmp_path):
    for engine, differs in {"native": False, "keras": True}.items():
        plan = trial(tmp_path, training={"engine": engine})
        other = replace(plan, threads=2)
        assert (other.fingerprint != plan.fingerprint) is differs
        assert (other.threads_used == 2) is differs


@pytest.mark.parametrize("engine", ["native", "keras"])
def test_trials_from_before_an_engine_changed_are_not_taken_for_those_of_today(
    tmp_path, monkeypatch, engine
):
    plan = trial(tmp_path, training={"engine": engine})
    today = plan.fingerprint
    monkeypatch.setattr(type(plan.engine), "revision", 0)

    assert replace(plan).fingerprint != today


def test_keys_that_came_later_are_no_part_of_fingerprints_at_their_defaults(tmp_path):
    lstm = {"lstm": {"units": 3, "dropout": 0.1}}
    models = of_layers({"embedding": {"dim": 2}}, {"bidirectional": {"layer": lstm}})
    plan = trial(tmp_path, models=models)

    embedding, both, _ = plan.model.facts("training")["layers"]

    assert "dropout" not in embedding["embedding"]
    assert embedding["embedding"]["masking"] is True, "its default has changed"
    assert "weight_drop" not in both["bidirectional"]["layer"]["lstm"]
    assert both["bidirectional"]["layer"]["lstm"]["dropout"] == 0.1
    assert "ema" not in plan.training.facts()
    shown, _, _ = plan.model.model_dump()["layers"]
    assert shown["embedding"]["dropout"] == 0, "but they are shown"


def test_keys_of_a_baseline_that_came_later_are_no_part_of_fingerprints(tmp_path):
    svm = of_baseline(tmp_path, "tfidf_linear_svm").model

    assert "char_ngrams" not in svm.facts("training")["baseline"]["tfidf_linear_svm"]


def test_of_other_facts_only_the_largest_id_changes_the_fingerprint(tmp_path):
    plan = trial(tmp_path)
    others = (
        replace(plan, name="another"),
        replace(plan, training=plan.training.model_copy(update={"seeds": (0, 1, 2)})),
        replace(plan, data=Data(source="sgml", test_split=0.5)),
        replace(plan, keep_model=True),
        trial(tmp_path, models={"rnn": {"layers": LAYERS, "chosen_from": 12}}),
    )

    assert {other.fingerprint for other in others} == {plan.fingerprint}
    assert replace(plan, n_ids=13).fingerprint != plan.fingerprint


def test_a_version_changes_fingerprints_only_if_it_changes_all_outcomes(
    tmp_path, monkeypatch
):
    before = trial(tmp_path).fingerprint

    monkeypatch.setattr(environment.rnnbench, "__version__", "99.0")
    assert trial(tmp_path).fingerprint == before
    monkeypatch.setattr("rnnbench.environment.SAME_SINCE", "99.0")
    assert trial(tmp_path).fingerprint != before


@pytest.mark.parametrize(
    ("initializer", "differs"), [("ppmi_svd", True), ("uniform", False)]
)
def test_what_vectors_from_texts_depend_on_changes_networks_that_begin_with_them(
    tmp_path, update, initializer, differs
):
    plan = pretrained(tmp_path, initializer)
    before = plan.fingerprint

    assert (replace(plan, split_fingerprint="0" * 64).fingerprint != before) is differs
    assert ("scipy" in plan.packages) is differs
    update("scipy")
    assert (pretrained(tmp_path, initializer).fingerprint != before) is differs


@pytest.mark.parametrize(
    ("initializer", "differs"), [("ppmi_svd", True), ("uniform", False)]
)
def test_documents_left_out_of_a_test_set_change_networks_with_vectors_from_texts(
    tmp_path, initializer, differs
):
    plan = pretrained(tmp_path, initializer)

    assert (replace(plan, n_untested=280).fingerprint != plan.fingerprint) is differs


def test_the_packages_that_a_baseline_needs_are_part_of_its_fingerprint(
    tmp_path, update
):
    kinds = ("sentence_embedding", "tfidf_linear_svm")
    before = [of_baseline(tmp_path, kind).fingerprint for kind in kinds]

    update("wordllama")

    after = [of_baseline(tmp_path, kind).fingerprint for kind in kinds]
    assert [old != new for old, new in zip(before, after, strict=True)] == [
        True,
        False,
    ]
