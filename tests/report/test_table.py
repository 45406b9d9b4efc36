import io

from rich.console import Console

from rnnbench.report.table import Table, to_markdown, to_rich


def printed(table, width):
    console = Console(width=width, file=io.StringIO())
    console.print(to_rich(table, console), crop=False)
    return console.file.getvalue()


def test_a_header_is_broken_between_words_and_after_hyphens_in_a_narrow_column():
    table = Table(
        ["model", "log-loss", "macro-F1", "topics missed"], [["rnn", "1.234", "1", "2"]], ""
    )

    lines = [line.split() for line in printed(table, 80).splitlines()]

    assert lines[1:3] == [["log-", "topics"], ["model", "loss", "macro-F1", "missed"]]


def test_markdown_has_a_line_for_each_row_text_to_the_left_bars_escaped_and_a_caption():
    table = Table(["a|b", "c", "d"], [["x|y", "z", "1"]], "caption", text_columns=2)

    lines = to_markdown(table).splitlines()

    rows = [r"| a\|b | c | d |", "| --- | --- | ---: |", r"| x\|y | z | 1 |"]
    assert lines == [*rows, "", "caption"]
