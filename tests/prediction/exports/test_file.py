"""Exported models split texts into words as the texts of their corpus were split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept_networks import STACKS, kept

from rnnbench.data import vocabulary as vocabularies
from rnnbench.data.vocabulary import tokenizer_of
from rnnbench.errors import UserError
from rnnbench.prediction.exports.file import splitting_of

VOCABULARY = kept(STACKS["tfidf"]).vocabulary
SOURCES = [
    {"source": "files", "tokenizer": "words"},
    {"source": "files", "tokenizer": "keras_reuters"},
    {"source": "files", "tokenizer": "characters"},
    {"source": "r52", "tokenizer": None},
]


@pytest.mark.parametrize("source", SOURCES)
@given(text=st.text() | st.text("aZ'\u2019_-9 é\u0301İß😀\u200d🇫🇷\t\xa0"))
def test_a_text_has_the_same_words(source, text):
    vocabulary = VOCABULARY.model_copy(update=source)
    splitting = splitting_of(vocabulary)

    words = splitting.split(text, splitting.pattern)

    assert words == tokenizer_of(vocabulary)(text)


def test_what_a_plug_in_splits_is_refused(monkeypatch):
    monkeypatch.setitem(vocabularies.TOKENIZERS, "words", str.split)

    with pytest.raises(UserError, match="'files' has a tokenizer of its own"):
        splitting_of(VOCABULARY)
