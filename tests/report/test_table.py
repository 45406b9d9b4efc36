"""Tables for a terminal, a notebook and Markdown, and the numbers in them."""

import io
import re
from dataclasses import replace
from html import unescape

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from rnnbench.report.layout import to_rich
from rnnbench.report.table import Table, to_markdown, with_points
from rnnbench.shown import Shown

TWO = Table(
    ["model", "accuracy (mean ± 95 % over 5 seeds)", "log-loss"],
    [["stacked_lstm", "0.8588 ± 0.0040", "0.856"], ["svm", "0.9149", "-"]],
    "The caption.",
)


def printed(table, width):
    console = Console(width=width, file=io.StringIO())
    console.print(to_rich(table, console), crop=False)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


LAYOUTS = {
    80: """\
 model         accuracy (mean ± 95 % over 5 seeds)  log-loss
 ───────────────────────────────────────────────────────────
 stacked_lstm                      0.8588 ± 0.0040     0.856
 svm                                        0.9149         -
""",
    45: """\
                 accuracy (mean ±
 model         95 % over 5 seeds)  log-loss
 ──────────────────────────────────────────
 stacked_lstm     0.8588 ± 0.0040     0.856
 svm                       0.9149         -
""",
    33: """\
                accuracy (mean
                 ± 95 % over 5
 model                  seeds)
 ─────────────────────────────
 stacked_lstm  0.8588 ± 0.0040
 svm                    0.9149


 model         log-loss
 ──────────────────────
 stacked_lstm     0.856
 svm                  -
""",
    24: """\
model: stacked_lstm
accuracy (mean ± 95 %
over 5 seeds):
0.8588 ± 0.0040
log-loss: 0.856

model: svm
accuracy (mean ± 95 %
over 5 seeds): 0.9149
log-loss: -
""",
}


@pytest.mark.parametrize("width", LAYOUTS)
def test_headers_are_broken_then_columns_stand_below_each_other_then_cells(width):
    expected = [*LAYOUTS[width].splitlines(), "", "The caption."]
    assert printed(TWO, width)[-len(expected) :] == expected


def test_an_optional_column_is_left_out_where_it_has_no_room():
    table = replace(TWO, n_optional=1)

    assert printed(table, 45) == printed(TWO, 45)
    assert not any("log-loss" in line for line in printed(table, 33))


def test_every_group_of_columns_tells_points_apart():
    rows = [
        ["svm[C=1]", "0.9149", "0.8898 to 0.9346"],
        ["svm[C=3]", "0.9150", "0.8899 to 0.9347"],
    ]
    points = with_points(Table(["model", "accuracy", "its interval"], rows, ""))

    lines = printed(points, 32)

    assert (
        lines.count(" model  C  accuracy")
        == lines.count(" model  C      its interval")
        == 1
    )
    assert [row[:2] for row in points.rows] == [["svm", "1"], ["svm", "3"]]
    assert points.models == [["svm[C=1]"], ["svm[C=3]"]]


def test_a_caption_is_no_wider_than_a_line_that_is_easy_to_read():
    lines = printed(Table(["model"], [["svm"]], "word " * 100), 200)

    assert 90 < max(map(len, lines)) <= 100


def test_markdown_has_a_line_for_each_row():
    table = Table(["a|b", "c", "d"], [["x|y", "z", "1"]], "caption", text_columns=2)

    lines = to_markdown(table).splitlines()

    rows = [r"| a\|b | c | d |", "| --- | --- | ---: |", r"| x\|y | z | 1 |"]
    assert lines == [*rows, "", "caption"]


def test_a_result_is_shown_where_the_width_is_said_to_be_zero(monkeypatch):
    monkeypatch.setenv("COLUMNS", "0")

    assert "stacked_lstm" in repr(Example(TWO))


ADDRESSES = [
    "[x](javascript:alert(1))",
    "https://example.org",
    "www.example.org",
    "me@example.org",
]


@pytest.mark.parametrize("label", ADDRESSES)
def test_a_link_in_a_cell_is_shown_as_its_text(label):
    markdown = to_markdown(Table(["label"], [[label]], ""))

    cell = markdown.splitlines()[2].strip("| ")
    assert not re.search(r"://|www\.|@", cell), "GitHub would link these"
    assert unescape(MarkdownIt("commonmark").renderInline(cell)) == label


class Example(Shown):
    def __init__(self, *tables):
        self._tables = tables

    def tables(self):
        return self._tables


def test_all_tables_of_a_result_are_shown():
    shares = Table(["name", "share"], [["a & b", "0.5"]], "Of <all>.")
    others = Table(["another table"], [["of text"]], "More text.")
    text = str(Example(shares, others))
    html = Example(shares, others)._repr_html_()

    assert text.index("a & b") < text.index("Of <all>.") < text.index("of text")
    assert html == Example(shares)._repr_html_() + Example(others)._repr_html_()
    assert '<td style="text-align: left">a &amp; b</td>' in html
    assert '<td style="text-align: right">0.5</td>' in html
    assert "Of &lt;all&gt;." in html


def test_control_characters_are_shown_in_line(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    rows = [["[/] \x1b[2J\x07", "0.5"], ["rnn", "0.5"]]
    result = Example(Table(["name", "share"], rows, "[bold]"))

    _, _, _, steering, plain, *_ = repr(result).splitlines()

    assert "[/] ␛[2J␇" in steering
    assert steering.index("0.5") == plain.index("0.5")
    assert "[bold]" in repr(result)
    assert "[/] ␛[2J" in result._repr_html_()
