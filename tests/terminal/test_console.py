"""Text from outside is shown in a terminal, but cannot control it."""

import io
import logging
import re

import pytest
from rich.panel import Panel
from rich.text import Text

from rnnbench.errors import MAX_LINES
from rnnbench.report.layout import to_rich
from rnnbench.report.table import Table
from rnnbench.terminal import console
from rnnbench.terminal.console import SafeConsole

EVIL = "\x1b]0;title\x07\x1b[31mred\u202e"
SHOWN = re.compile("␛]0;title␇?␛\\[31mred\N{REPLACEMENT CHARACTER}")
"""Rich removes the bell from its own texts."""


@pytest.mark.parametrize(
    "thing",
    [
        EVIL,
        Text(EVIL),
        Panel(Text(EVIL)),
        Table(["model"], [[EVIL]], ""),
        Table([EVIL], [["rnn"]], ""),
        Table(["model"], [["a" * 60]], EVIL),
    ],
    ids=["string", "text", "panel", "cell", "header", "caption"],
)
@pytest.mark.parametrize("is_terminal", [False, True])
def test_control_characters_in_anything_that_is_printed_are_visible(thing, is_terminal):
    stream = io.StringIO()
    console = SafeConsole(
        file=stream,
        width=100,
        force_terminal=is_terminal,
        markup=False,
        highlight=False,
    )

    console.print(to_rich(thing, console) if isinstance(thing, Table) else thing)

    assert SHOWN.search(stream.getvalue().replace("\n", ""))
    assert "\x1b]" not in stream.getvalue()
    assert "\x07" not in stream.getvalue()


@pytest.mark.parametrize("is_terminal", [False, True])
def test_warnings_are_wrapped_at_words_only_on_a_terminal(monkeypatch, is_terminal):
    stream = io.StringIO()
    text = " ".join(["words"] * 12)
    options = {"force_terminal": is_terminal, "color_system": None}
    monkeypatch.setattr(console, "err", SafeConsole(file=stream, width=20, **options))
    log = logging.getLogger("rnnbench")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "propagate", True)

    console.show_log()
    log.warning(text)

    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert lines == (["words words words"] * 4 if is_terminal else [text])


def test_a_warning_is_brief(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(console, "err", SafeConsole(file=stream))

    console.notice("a column\n" * 10**6)

    assert stream.getvalue().count("\n") == MAX_LINES
