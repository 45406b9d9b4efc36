"""Texts are cut into words as the corpora were: no word of theirs is cut again or changed."""

import doctest
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.data import tokenizers
from rnnbench.data.sources import sgml
from rnnbench.data.sources.catalog import SOURCES
from rnnbench.data.tokenizers import TOKENIZERS, all_terms_words, keras_words


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(tokenizers).failed == 0


def test_every_source_has_a_tokenizer():
    assert set(TOKENIZERS) == set(SOURCES)


@pytest.fixture(scope="module")
def bodies(reuters_archive):
    """The text of every wire of Reuters-21578 that has a topic, as bytes."""
    with tarfile.open(reuters_archive) as archive:
        files = [each for each in archive.getmembers() if each.name.endswith(sgml.FILE_NAMES)]
        contents = [archive.extractfile(each).read() for each in files]
    return [body for content in contents for _, body in sgml.parse_wires(content)]


def test_a_wire_of_reuters_has_the_words_that_the_keras_set_has_of_it(bodies):
    assert len(bodies) == 11_367
    for body in bodies:
        words = [word.decode("latin-1") for word in sgml.tokenize(body)]
        assert keras_words(body.decode("latin-1")) == words


def test_the_words_of_the_keras_set_stay_what_they_are(keras_corpus):
    assert keras_words(" ".join(keras_corpus.vocabulary)) == list(keras_corpus.vocabulary)


def test_the_words_of_r52_stay_what_they_are(r52_corpus):
    assert all_terms_words(" ".join(r52_corpus.vocabulary)) == list(r52_corpus.vocabulary)
    for wire in range(0, len(r52_corpus), 10):
        assert all_terms_words(" ".join(r52_corpus.words(wire))) == r52_corpus.words(wire)


@given(text=st.text(st.characters(max_codepoint=255)))
def test_a_text_in_latin_1_is_cut_as_its_bytes_are(text):
    words = [word.decode("latin-1") for word in sgml.tokenize(text.encode("latin-1"))]

    assert keras_words(text) == words


tokenizers_that_there_are = pytest.mark.parametrize("cut", {*TOKENIZERS.values()})


@tokenizers_that_there_are
@given(text=st.text())
def test_any_text_is_cut_into_words_that_are_cut_no_further(cut, text):
    words = cut(text)

    assert cut(" ".join(words)) == words
    assert all(word and " " not in word for word in words)


@tokenizers_that_there_are
@pytest.mark.parametrize("text", ["", " ", "\n\t", "...", "—"])
def test_a_text_without_words_has_none(cut, text):
    assert cut(text) == []


@given(text=st.text())
def test_a_word_of_the_all_terms_files_is_letters_in_lower_case(text):
    assert all(set(word) <= set("abcdefghijklmnopqrstuvwxyz") for word in all_terms_words(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Bank's U.S. unit", ["the", "bank's", "u", "s", "unit"]),
        ("7.5 pct,\n\t1,200 mln", ["7", "5", "pct", "1", "200", "mln"]),
        ("naïve CAFÉ", ["naïve", "cafÉ"]),  # only ASCII letters are lowered
        ("profit—loss €5", ["profit", "loss", "5"]),  # Latin-1 has neither of the signs
        ("&lt;XYZ>", ["lt", "xyz"]),
    ],
)
def test_words_of_the_keras_set(text, words):
    assert keras_words(text) == words
