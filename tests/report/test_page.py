import re
from html.parser import HTMLParser

import pytest
from factories import finished_run, run_folder

from rnnbench.analysis.load import load_run
from rnnbench.report.page import findings, inline_svg, write_page
from rnnbench.report.plots import draw_plots

ANSWERS = {"rnn": [(0, 0, 0, 1), (0, 0, 1, 1)], "lstm": [(0, 0, 1, 2), (0, 1, 1, 2)]}
TEXTS = [["words", "of", "wire", str(number)] for number in range(4)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = run_folder(tmp_path_factory.mktemp("run"), ANSWERS)
    write_page(load_run(folder), TEXTS, words=60, n_errors=20)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report.html").read_text()


class _Addresses(HTMLParser):
    """Collects all that a browser would load, and whether tags are closed in order."""

    def __init__(self):
        super().__init__()
        self.loaded, self.open = [], []

    def handle_starttag(self, tag, attrs):
        loads = ("src", "data", "poster") + (("href",) if tag in ("link", "use", "image") else ())
        self.loaded += [value for name, value in attrs if name in loads]
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_nothing_from_outside(page):
    parser = _Addresses()
    parser.feed(page)

    assert all(address.startswith("#") for address in parser.loaded)
    assert "<script" not in page
    assert "@import" not in page


def test_every_tag_is_closed(page):
    parser = _Addresses()
    parser.feed(page)

    assert parser.open == []


def test_no_id_comes_twice_in_what_links_lead_to(page):
    targets = re.findall(r'<a href="#([^"]+)"', page)

    for target in targets:
        assert page.count(f'id="{target}"') == 1


def test_the_pictures_lie_beside_it(folder):
    names = ["accuracy", "confusion-lstm", "confusion-rnn", "learning_curves"]

    assert sorted(file.name for file in (folder / "plots").iterdir()) == sorted(
        f"{name}.{suffix}" for name in names for suffix in ("png", "svg")
    )


def test_page_and_markdown_show_each_model_and_the_command(folder, page):
    for text in (page, (folder / "report.md").read_text()):
        assert all(model in text for model in ANSWERS)
        assert load_run(folder).results.command in text


def test_a_mistaken_wire_is_shown_with_its_words_and_what_each_model_said(page):
    wire = page[page.index("test wire 3") :]

    assert "words of wire 3" in wire
    assert re.search(r"<dt>rnn</dt><dd>acq</dd>", wire)


def test_no_more_words_are_shown_than_were_asked_for(folder):
    write_page(load_run(folder), TEXTS, words=2, n_errors=20)

    text = (folder / "report.html").read_text()
    assert "words of …" in text
    assert "words of wire" not in text
    write_page(load_run(folder), TEXTS, words=60, n_errors=20)


def test_without_the_corpus_the_page_says_why_there_are_no_words(tmp_path):
    folder = run_folder(tmp_path, ANSWERS)

    write_page(load_run(folder), None, words=60, n_errors=20)

    assert "Their words are not shown" in (folder / "report.html").read_text()


def test_what_stands_in_a_run_is_not_taken_for_html(tmp_path):
    texts = [["<script>alert(1)</script>"]] * 4
    folder = run_folder(
        tmp_path, ANSWERS, dataset={"origin": "<img src=x>"}, environment={"cpu": "<b>&"}
    )

    write_page(load_run(folder), texts, words=60, n_errors=20)

    page = (folder / "report.html").read_text()
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;b&gt;&amp;" in page


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (0.0, "the last of 1 epochs; no data chose it"),
        (0.25, "chosen on 25% of the training wires"),
    ],
)
def test_the_page_states_which_epoch_is_reported(tmp_path, split, said):
    folder = run_folder(
        tmp_path, ANSWERS, training={"epochs": 1, "validation_split": split, "seeds": 2}
    )

    write_page(load_run(folder), None, words=0, n_errors=0)

    assert said in (folder / "report.html").read_text()
    assert said in (folder / "report.md").read_text()


def test_findings_name_the_best_and_what_is_no_better_than_the_majority():
    sentences = findings(finished_run(ANSWERS).results)

    assert sentences[0].startswith("lstm has the highest test accuracy, 0.875")
    assert sentences[-2].startswith("Not clearly different from always 'earn', which scores 0.500")


def test_an_inlined_picture_has_ids_of_its_own_and_the_themes_ink():
    plot = draw_plots(finished_run(ANSWERS))[0]

    svg = inline_svg(plot)

    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert all(each.startswith("accuracy-") for each in ids)
    used = re.findall(r'(?:url\(#|href="#)([^)"]+)', svg)
    assert set(used) <= set(ids)
    assert "var(--ink)" in svg
    assert not re.search(r"<svg[^>]* (width|height)=", svg)


def test_a_run_with_other_results_takes_the_old_report_away(tmp_path):
    folder = run_folder(tmp_path, ANSWERS)
    write_page(load_run(folder), TEXTS, words=60, n_errors=20)

    run_folder(folder, ANSWERS)
    assert (folder / "report.html").is_file()
    run_folder(folder, {"rnn": ANSWERS["rnn"]})

    assert not (folder / "report.html").exists()
    assert not (folder / "report.md").exists()
