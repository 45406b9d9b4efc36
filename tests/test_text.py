"""Counts in words; text from outside neither controls a terminal nor becomes markup."""

import unicodedata
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt  # comes with rich

from rnnbench.text import (
    counted,
    duration,
    encodable,
    for_markdown,
    listed,
    numbers,
    visible,
    with_article,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (counted(1, "thread"), "1 thread"),
        (counted(1_395, "document"), "1,395 documents"),
        (duration(7.4), "7 s"),
        (duration(100), "2 min"),
        (duration(6_000), "1.7 h"),
        (listed(["gru", "svm"]), "gru, svm"),
        (listed("abcd", most=2), "a, b and 2 more"),
        (numbers(range(20)), "0 to 19"),
        (numbers([1, 2, 3, 5, 8, 13]), "1, 2, 3, 5, 8, 13"),
        (with_article("ensemble"), "an ensemble"),
        (encodable("out-\udcff"), "out-\\udcff"),
    ],
)
def test_facts_are_put_in_words(text, expected):
    assert text == expected


@given(st.text())
def test_a_terminal_gets_line_breaks_or_tabs_but_no_other_control_character(shown_text):
    shown = visible(shown_text)

    assert len(shown) == len(shown_text)
    assert not [
        char
        for char in shown
        if unicodedata.category(char) == "Cc" and char not in "\n\t"
    ]


def test_characters_that_cannot_be_shown_become_visible():
    assert visible("\x1b[2Jearn\r\x07\x9b\u202e\u200f") == "␛[2Jearn␍␇���"
    assert visible("out-\udcff, \ud800") == "out-�, �"


MARKDOWN = MarkdownIt("commonmark").enable("strikethrough")


@given(st.text("aé1 _*~`[]()<>&;#!\\|:/.") | st.text())
def test_text_in_markdown_is_shown_as_it_is_in_one_line(plain):
    shown = for_markdown(plain)

    assert "<" not in shown
    assert shown.isprintable()
    one_line = "".join(char if char.isprintable() else " " for char in plain)
    assert unescape(MARKDOWN.renderInline(shown)) == one_line


def test_names_of_models_stay_as_they_are_in_markdown():
    text = "stacked_vanilla_rnn, always 'earn' (± 95 %)"

    assert for_markdown(text) == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Foo.__init__() missing: 'x_'", r"Foo.\_\_init\_\_() missing: 'x\_'"),
        ("<img src=x>", "&lt;img src=x>"),
        ("[a](http://b) `c` *d* e|f\n\\", r"\[a\](http://b) \`c\` \*d\* e\|f \\"),
        ("&lt; & &#60;", "&amp;lt; & &amp;#60;"),
    ],
)
def test_markup_is_escaped_for_markdown(text, escaped):
    assert for_markdown(text) == escaped
