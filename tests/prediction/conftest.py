"""A run that kept its models, for the tests of what they answer."""

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
