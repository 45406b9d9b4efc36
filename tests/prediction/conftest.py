"""A run that kept its models, for the tests of what they answer."""

import numpy as np
import pytest

CONFIG = """\
name: tiny
data:
  {source: sgml, path: sgml, num_words: 60, pad_length: 9, padding: post, truncating: post,
  test_split: 0.5}
training: {epochs: 150, batch_size: 4, learning_rate: 0.02, seeds: [3, 8]}
models:
  reader: {layers: [lstm: {units: 8}, dense: {units: topics, activation: softmax}]}
  svm: {baseline: tfidf_linear_svm}
  letters: {baseline: {tfidf_logistic_regression: {analyzer: char_wb, max_ngram: 3}}}
  lots: {baseline: stratified}
"""


@pytest.fixture(scope="session")
def finished(tmp_path_factory, run_apart):
    """The folder of a run that kept its models."""
    folder = tmp_path_factory.mktemp("kept")
    done = run_apart(folder, CONFIG, "--save-models")
    assert (
        done.stderr.count("lots cannot be kept: it is not linear in counted words") == 1
    )
    return folder / "results/tiny"


DRINKS = """\
name: drinks
data: {source: files, path: drinks.csv, test_split: 0.5}
training: {seeds: 1}
models:
  sure: {baseline: tfidf_logistic_regression}
  svm: {baseline: tfidf_linear_svm}
"""
WORDS = {
    "tea": ["leaf", "pot", "cup", "green", "steep", "milk"],
    "ale": ["hop", "malt", "keg", "pint", "brew", "foam"],
}


def drinks(n, seed=0):
    """Return texts about drinks and their labels; the shorter, the harder."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        label, other = random.permutation(list(WORDS)).tolist()
        n_own = random.integers(1, 6)
        words = [*random.choice(WORDS[label], n_own), *random.choice(WORDS[other], 1)]
        filler = [f"w{number}" for number in random.integers(99, size=4)]
        shuffled = random.permutation([*words, *filler])
        rows.append((" ".join(shuffled), label))
    return rows


@pytest.fixture(scope="session")
def drunk(tmp_path_factory, run_apart):
    """The folder of a run on 1,600 short texts, half of them to test on."""
    folder = tmp_path_factory.mktemp("drinks")
    lines = [f"{text},{label}\n" for text, label in drinks(1_600)]
    (folder / "drinks.csv").write_text("".join(["text,label\n", *lines]))
    run_apart(folder, DRINKS, "--save-models")
    return folder / "results/drinks"
