from rnnbench.report.shown import Shown, to_html
from rnnbench.report.table import Table

SHARES = Table(["name", "share"], [["a & b", "0.5"]], "Of <all>.")
OTHERS = Table(["another table"], [["of text"]], "More text.")


class Example(Shown):
    def tables(self):
        return [SHARES, OTHERS]


def test_all_tables_are_shown_one_after_the_other():
    places = [str(Example()).index(text) for text in ("a & b", "Of <all>.", "of text")]

    assert places == sorted(places)
    assert Example()._repr_html_() == to_html(SHARES) + to_html(OTHERS)


def test_text_in_html_is_escaped_and_numbers_are_on_the_right():
    html = to_html(SHARES)

    assert '<td style="text-align: left">a &amp; b</td>' in html
    assert '<td style="text-align: right">0.5</td>' in html
    assert "Of &lt;all&gt;." in html


class Hostile(Shown):
    def tables(self):
        return [Table(["name"], [["[/] \x1b[2J"]], "[bold]")]


class Steering(Shown):
    def tables(self):
        return [Table(["name", "share"], [["\x1b[2J\x07", "0.5"], ["rnn", "0.5"]], "")]


def test_columns_stay_in_line_and_no_colour_is_forced(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")

    _, _, _, steering, plain, *_ = repr(Steering()).splitlines()

    assert "␛[2J␇" in steering
    assert steering.index("0.5") == plain.index("0.5")


def test_markup_is_shown_literally_and_control_characters_are_made_visible():
    assert "[/] ␛[2J" in repr(Hostile())
    assert "[bold]" in repr(Hostile())
    assert "[/] ␛[2J" in Hostile()._repr_html_()
