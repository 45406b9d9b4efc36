"""Text from outside neither controls a terminal nor becomes markup."""

import unicodedata
from html import unescape

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt  # comes with rich

from rnnbench.escape import encodable, for_markdown, visible


@given(st.text())
def test_a_terminal_gets_no_control_character_but_line_breaks_and_tabs(text):
    shown = visible(text)

    assert len(shown) == len(text)
    assert not [char for char in shown if unicodedata.category(char) == "Cc" and char not in "\n\t"]


def test_control_characters_become_visible():
    assert visible("\x1b[2Jearn\r\x07\x9b\u202e") == "␛[2Jearn␍␇��"


def test_what_utf_8_does_not_have_becomes_visible():
    assert visible("out-\udcff, \ud800") == "out-�, �"


def test_what_cannot_be_written_as_utf_8_is_escaped():
    assert encodable("é, out-\udcff") == r"é, out-\udcff"


@given(st.text())
def test_text_in_markdown_is_one_line_without_markup(text):
    shown = for_markdown(text)

    assert "<" not in shown
    assert shown.isprintable()


MARKDOWN = MarkdownIt("commonmark").enable("strikethrough")


@given(st.text("aé1 _*~`[]()<>&;#!\\|:/.") | st.text())
def test_text_in_markdown_is_shown_as_it_is(text):
    one_line = "".join(char if char.isprintable() else " " for char in text)

    assert unescape(MARKDOWN.renderInline(for_markdown(text))) == one_line


def test_underscores_around_a_word_are_no_emphasis():
    assert for_markdown("Foo.__init__() missing: 'x_'") == r"Foo.\_\_init\_\_() missing: 'x\_'"


def test_names_of_models_stay_as_they_are_and_markup_is_escaped():
    assert for_markdown("stacked_vanilla_rnn, always 'earn' (± 95 %)") == (
        "stacked_vanilla_rnn, always 'earn' (± 95 %)"
    )
    assert for_markdown("<img src=x>") == "&lt;img src=x>"
    assert for_markdown("[a](http://b) `c` *d* e|f\n\\") == (r"\[a\](http://b) \`c\` \*d\* e\|f \\")
    assert for_markdown("&lt; & &#60;") == "&amp;lt; & &amp;#60;"
