"""Rules for all built-in sources, and the class that plug-ins use too."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.data.source import Source
from rnnbench.data.sources import r52, sgml
from rnnbench.data.sources.catalog import AUTO, BUILT_IN, SOURCES

every_source = pytest.mark.parametrize("source", BUILT_IN, ids=lambda source: source.name)


def test_the_order_of_the_catalogue():
    assert list(SOURCES) == ["keras", "sgml", "r52", "r8"]
    assert AUTO == ("keras", "sgml", "r52")


@pytest.mark.parametrize("module", [r52, sgml])
def test_the_examples_in_the_docstrings_run(module):
    assert doctest.testmod(module).failed == 0


@every_source
def test_a_source_says_what_it_is_in_a_sentence(source):
    assert source.help.endswith(".")
    assert source.file


@every_source
@given(text=st.text())
def test_any_text_is_split_into_words_that_are_not_split_any_further(source, text):
    words = source.tokenize(text)

    assert source.tokenize(" ".join(words)) == words
    assert all(word and " " not in word for word in words)


@every_source
@pytest.mark.parametrize("text", ["", " ", "\n\t", "...", "—"])
def test_a_text_without_words_has_none(source, text):
    assert source.tokenize(text) == []


@pytest.mark.parametrize("name", ["", "auto!", "Tweets", "a/b", "a-b", "*"])
def test_a_source_has_a_name_that_can_be_part_of_a_file_name(name):
    with pytest.raises(ValueError, match="a source cannot be called"):
        Source(name=name, help="", file="", read=print, tokenize=str.split)


def test_files_and_folders_are_recognised_by_patterns(tmp_path):
    source = Source(
        name="tweets",
        help="",
        file="",
        read=print,
        tokenize=str.split,
        patterns=("tweets-*.csv",),
        folder_patterns=("*/*.csv",),
    )
    (tmp_path / "inner").mkdir()
    assert source.recognises(tmp_path / "Tweets-2020.CSV")
    assert not source.recognises(tmp_path / "tweets.csv")
    assert not source.recognises(tmp_path)
    (tmp_path / "inner" / "a.csv").touch()
    assert source.recognises(tmp_path)
