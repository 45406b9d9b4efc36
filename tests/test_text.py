"""Counts in words; text from outside neither controls a terminal nor becomes markup."""

import unicodedata
from html import unescape

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


def test_counts_durations_and_lists_in_words():
    assert (counted(1, "thread"), counted(1_395, "document")) == (
        "1 thread",
        "1,395 documents",
    )
    assert list(map(duration, (7.4, 100, 6_000))) == ["7 s", "2 min", "1.7 h"]
    assert (listed(["gru", "svm"]), listed("abcd", most=2)) == (
        "gru, svm",
        "a, b and 2 more",
    )
    assert (numbers(range(20)), numbers([1, 2, 3, 5, 8, 13])) == (
        "0 to 19",
        "1, 2, 3, 5, 8, 13",
    )
    assert (with_article("ensemble"), encodable("out-\udcff")) == (
        "an ensemble",
        "out-\\udcff",
    )


@given(st.text())
def test_a_terminal_gets_no_control_character_but_line_breaks_and_tabs(shown_text):
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


def test_names_of_models_stay_as_they_are_and_markup_is_escaped():
    assert for_markdown("stacked_vanilla_rnn, always 'earn' (± 95 %)") == (
        "stacked_vanilla_rnn, always 'earn' (± 95 %)"
    )
    assert (
        for_markdown("Foo.__init__() missing: 'x_'")
        == r"Foo.\_\_init\_\_() missing: 'x\_'"
    )
    assert for_markdown("<img src=x>") == "&lt;img src=x>"
    assert for_markdown("[a](http://b) `c` *d* e|f\n\\") == (
        r"\[a\](http://b) \`c\` \*d\* e\|f \\"
    )
    assert for_markdown("&lt; & &#60;") == "&amp;lt; & &amp;#60;"
