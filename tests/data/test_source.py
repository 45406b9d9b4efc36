"""Rules for all sources, and tokenizers."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.data.source import TOKENIZERS
from rnnbench.data.sources import BUILT_IN, sgml


@pytest.mark.parametrize("source", BUILT_IN, ids=lambda source: source.name)
@settings(max_examples=25)
@given(text=st.text())
def test_any_text_is_split_into_words_that_are_not_split_any_further(source, text):
    words = source.tokenize(text)

    assert source.tokenize("") == source.tokenize(" \n\t...—") == []
    assert source.tokenize(" ".join(words)) == words
    assert all(word and " " not in word for word in words)


def test_a_source_has_a_name_that_can_be_part_of_a_file_name():
    for name in ("", "auto!", "Tweets", "a/b", "a-b", "*"):
        with pytest.raises(ValueError, match="a source cannot be called"):
            replace(sgml.SGML, name=name)


def test_what_a_source_reads_is_recognised_by_patterns(tmp_path):
    source = replace(
        sgml.SGML, patterns=("tweets-*.csv",), folder_patterns=("*/*.csv",)
    )
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.csv").touch()
    assert all(map(source.recognises, (tmp_path / "Tweets-2020.CSV", tmp_path)))
    assert not any(
        map(source.recognises, (tmp_path / "tweets.csv", tmp_path / "inner"))
    )


def test_tokenizers_split_as_their_names_say():
    text = "The U.S. bank's profit: 7%"
    words = ["the", "u", "s", "bank's", "profit", "7"]

    by_name = {name: tokenize(text) for name, tokenize in TOKENIZERS.items()}

    assert by_name == {"words": words, "keras_reuters": words, "characters": list(text)}
    others = "Žluťoučký kůň, 東京 हिन्दी भाषा cafe\u0301"  # of any alphabet
    split = ["žluťoučký", "kůň", "東京", "हिन्दी", "भाषा", "café"]
    emoji = ["👍🏽", "❤️", "👨\u200d👩\u200d👧", "🇸🇮", "🇸"]
    assert TOKENIZERS["words"](others + "".join(emoji)) == [*split, *emoji]
