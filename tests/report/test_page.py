import base64
import hashlib
import re
import shutil
from importlib.resources import files

import numpy as np
import pytest
from elements import Elements
from factories import finished_run, run_folder

from rnnbench.analysis.errors import DocumentText
from rnnbench.analysis.summary import load_run
from rnnbench.data.corpus import Excerpt
from rnnbench.report import page as writer
from rnnbench.report.page import inline_svg, render, report_page, write_files
from rnnbench.report.plots import PLOTS
from rnnbench.report.plots.look import STRONGEST
from rnnbench.report.plots.score import ScorePlot
from rnnbench.report.sections.base import ReportSection
from rnnbench.results.store import PAGES

ANSWERS = {"rnn": [(0, 0, 0, 1), (0, 0, 1, 1)], "lstm": [(0, 0, 1, 2), (0, 1, 1, 2)]}
TEXTS = [["words", "of", "document", str(number)] for number in range(4)]
SCRIPT = files("rnnbench.report").joinpath("templates", "report.js").read_text()


def documents(texts):
    return None if texts is None else [DocumentText(words) for words in texts]


def pages(run, texts=TEXTS, words=60, n_errors=20):
    """The report of a run: its HTML, its Markdown."""
    page = report_page(run, documents(texts), words, n_errors)
    return [render(page, f"{name}.j2") for name in PAGES]


def write(folder, texts=TEXTS):
    write_files(folder, report_page(load_run(folder), documents(texts), 60, 20))


@pytest.fixture(scope="module")
def run():
    return finished_run(ANSWERS)


@pytest.fixture(scope="module")
def page(run):
    return pages(run)[0]


@pytest.fixture
def without_plots(monkeypatch):
    monkeypatch.setattr(PLOTS, "usable", list)


def test_the_page_needs_nothing_from_outside(page):
    elements = Elements(page)

    assert all(address.startswith("#") for address in elements.loaded)
    assert {*elements.addresses} == {"xmlns", "xmlns:xlink"}, (
        "the names of SVG, not addresses"
    )
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page


def scripts_of(page):
    return re.findall(r"<script>(.*?)</script>", page, re.DOTALL)


def test_the_policy_allows_one_script_without_the_network(page):
    (policy,) = [
        attrs["content"]
        for tag, attrs in Elements(page).tags
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    ]

    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert scripts_of(page) == [SCRIPT]
    assert page.count("<script") == 1
    parts = set(policy.split("; "))
    assert {"default-src 'none'", f"script-src 'sha256-{digest}'"} <= parts
    assert not re.search(r"connect-src|img-src|unsafe-eval|https?:|\*", policy)


@pytest.mark.parametrize(
    "forbidden",
    [
        r"\beval\b|Function\(",
        "innerHTML|outerHTML|insertAdjacent|document\\.write",
        "fetch|http",
        "[sS]torage",
    ],
)
def test_the_script_only_writes_text(page, forbidden):
    (script,) = scripts_of(page)

    assert not re.search(forbidden, script)


def test_the_navigation_leads_to_every_section(page):
    elements = Elements(page)

    assert len(elements.links) == page.count("<h2") > 0
    for link in (*elements.links, *elements.others):
        assert elements.ids.count(link.removeprefix("#")) == 1


def test_a_topic_leads_to_its_errors(page):
    assert {"#error-3", "#error-2"} <= set(Elements(page).others)
    assert '<a href="#error-3">grain</a>' in page
    assert page.index('id="error-3"') < page.index("test document 3")


def test_every_table_has_a_caption(page):
    assert page.count("<table ") == page.count("<caption>") > 0


def test_every_row_of_a_table_has_a_header(page):
    rows = re.findall(r"<tr[ >].*?</tr>", page, re.DOTALL)

    assert all("<th scope=" in row for row in rows)
    scopes = {attrs["scope"] for tag, attrs in Elements(page).tags if tag == "th"}
    assert scopes == {"row", "col"}
    assert '<th scope="col"></th>' not in page


def test_a_page_has_its_landmarks(page):
    names = [tag for tag, _ in Elements(page).tags]

    assert [names.count(item) for item in ("header", "nav", "main", "h1")] == [1] * 4


def test_what_scrolls_can_have_the_focus(page):
    scrolling = [
        attrs
        for _, attrs in Elements(page).tags
        if "scroll" in attrs.get("class", "").split()
    ]

    assert len(scrolling) == page.count("<table ") + page.count("<figure")
    assert all(item["tabindex"] == "0" and item["aria-label"] for item in scrolling)


def luminance(colour):
    parts = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in colour
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(colour, other):
    """The contrast of two colours, as WCAG 2.2 defines it."""
    low, high = sorted([luminance(colour), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def colours_of(page, theme):
    """The colours of a theme by their names in the style sheet, in parts of 1."""
    style = page[page.index("<style>") : page.index("</style>")]
    blocks = re.findall(r"(@media screen[^{]*\{\s*)?:root \{([^}]*)", style)
    texts = [text for dark, text in blocks if bool(dark) == (theme == "dark")]
    colours = {}
    for name, *parts in re.findall(
        r"--([\w-]+): #(\w{2})(\w{2})(\w{2})", " ".join(texts)
    ):
        colours[name] = [int(part, 16) / 255 for part in parts]
    return colours


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_legible_on_the_page(page, theme):
    colours = colours_of(page, theme)

    for name in ("ink", "muted", "accent"):
        assert contrast(colours[name], colours["paper"]) >= 4.5
        assert contrast(colours[name], colours["soft"]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_legible_on_every_cell(page, theme):
    colours = colours_of(page, theme)
    paper = np.array(colours["paper"])
    blue = np.array(colours["data-0"])

    for share in range(101):
        opacity = share / 100 * STRONGEST
        cell = opacity * blue + (1 - opacity) * paper
        assert contrast(colours["ink"], cell) >= 4.5, f"a share of {share} %"


def test_a_section_is_shown_on_both_pages(run, monkeypatch):
    parts = [
        ("facts", {"colour": "<blue>", "a": "\x1b[31mred"}),
        ("command", "rnnbench run 'my  config.yaml'\n--fresh \x9b31m"),
    ]
    section = ReportSection("mine", "My own", parts, "Look.")
    monkeypatch.setattr(writer, "make_sections", lambda *_: [section])

    html, markdown = pages(run)

    assert Elements(html).links == ["#mine"]
    assert "<dt>colour</dt><dd>&lt;blue&gt;</dd>" in html
    assert "## My own\n\nLook.\n\n- colour: &lt;blue>\n" in markdown
    assert "```console\nrnnbench run 'my  config.yaml' --fresh " in markdown, (
        "in one line"
    )
    assert not {"\x1b", "\x9b"} & {*html, *markdown}


PLOT = "](plots/mine.png)"
HOSTILE = [PLOT, 'id="mine-figure_1"', f"\n![{PLOT}\n- [{PLOT}\n"]


PLOT_NAMES = [
    "accuracy",
    "confusion-lstm",
    "confusion-rnn",
    "cost",
    "differences",
    "learning_curves",
    "risk",
]


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """The folder of a run with a report."""
    folder = run_folder(tmp_path_factory.mktemp("reported"), ANSWERS)
    write(folder, texts=[HOSTILE] * 4)
    return folder


@pytest.fixture
def folder(reported, tmp_path):
    """A copy of it."""
    return shutil.copytree(reported, tmp_path, dirs_exist_ok=True)


@pytest.fixture
def plots_of_others(folder):
    """Files beside the plots that rnnbench did not write."""
    files = [folder / "plots/mine.png", folder / "plots/mine.svg"]
    for file in files:
        file.touch()
    return files


def plots_in(folder):
    return [folder / f"plots/{name}.png" for name in PLOT_NAMES]


def test_plots_are_written_beside_the_pages(folder):
    markdown = (folder / "report.md").read_text()

    assert sorted(folder.glob("plots/*")) == plots_in(folder)
    assert all(f"](plots/{name}.png)" in markdown for name in PLOT_NAMES)


def test_only_files_of_reports_are_replaced(folder, plots_of_others):
    for name in ("accuracy.svg", "confusion-rnn.svg"):  # of an older report
        (folder / "plots" / name).touch()
    (folder / "report.md").unlink()  # the other page names the plots, too

    write(folder, texts=[HOSTILE] * 4)

    plots = [*plots_in(folder), *plots_of_others]
    assert sorted(folder.glob("plots/*")) == sorted(plots)


def test_a_report_stays_as_long_as_the_results_are_the_same(folder):
    run_folder(folder, ANSWERS)

    assert (folder / "report.html").is_file()


def test_only_files_of_reports_go_with_the_results(folder, plots_of_others):
    run_folder(folder, {"rnn": ANSWERS["rnn"]})

    assert sorted(folder.glob("plots/*")) == plots_of_others
    assert list(folder.glob("report.*")) == []


@pytest.fixture
def stuck():
    """The pages of a run in which one seed of a network gives one answer."""
    answers = {"rnn": [(0, 0, 0, 0), (0, 0, 0, 1)], "lstm": [(0, 0, 1, 2)] * 2}
    return pages(finished_run(answers))


@pytest.mark.usefixtures("without_plots")
def test_the_verdict_is_the_first_sentence(stuck):
    html, _ = stuck

    assert html.index("lstm leads with a test accuracy of 1.000") < html.index("<nav")


@pytest.mark.usefixtures("without_plots")
def test_networks_that_learned_one_answer_are_named(stuck):
    html, markdown = stuck

    assert "Always gives the same answer: rnn (1 of 2 seeds)." in html
    assert "- Always gives the same answer: rnn (1 of 2 seeds)." in markdown


def test_a_section_is_folded_if_it_has_a_result(run, monkeypatch):
    mine = ReportSection("mine", "My own", [("facts", {"a": "b"})], "Look.", "3 of <4>")
    monkeypatch.setattr(writer, "make_sections", lambda *_: [mine])

    html, markdown = pages(run)

    assert (
        '<details><summary><h2>My own</h2> <span class="muted">3 of &lt;4&gt;</span>'
        in html
    )
    assert "## My own\n\n3 of &lt;4>\n\nLook.\n" in markdown


@pytest.mark.usefixtures("without_plots")
def test_a_misclassified_document_is_shown_with_every_answer(run, page):
    document = page[page.index("test document 3") :]

    assert "words of document 3" in document
    assert "<dt>rnn</dt><dd>acq</dd>" in document
    assert "words of …" in pages(run, words=2)[0]
    assert "original text is not in the cache" in page
    assert all("Their words are not shown" in item for item in pages(run, texts=None))


@pytest.mark.usefixtures("without_plots")
def test_a_misclassified_text_of_ones_own_is_shown_as_it_was_written_with_its_row(run):
    texts = []
    for number, words in enumerate(TEXTS):
        excerpt = Excerpt(f"own.csv:{number + 2}", f"NOT so, {number}!")
        texts.append(DocumentText(words, excerpt))

    content = report_page(run, texts, 60, 20)

    for template in ("report.html.j2", "report.md.j2"):
        shown = render(content, template)
        assert "own.csv:5" in shown
        assert "NOT so, 3!" in shown
        assert "original text" not in shown


@pytest.mark.usefixtures("without_plots")
def test_the_content_of_a_run_is_escaped():
    run = finished_run(
        ANSWERS, dataset={"origin": "<img src=x>"}, environment={"cpu": "<b>&"}
    )

    page, _ = pages(run, texts=[["<script>alert(1)</script>"]] * 4)

    assert page.count("<script") == 1
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<img" not in page
    assert "&lt;b&gt;&amp;" in page


def test_an_inlined_plot_has_ids_of_its_own(run):
    svg = inline_svg(ScorePlot(run))

    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert all(item.startswith("accuracy-") for item in ids)
    used = re.findall(r'(?:url\(#|href="#)([^")]+)', svg)
    assert set(used) <= set(ids)


def test_a_page_shows_one_of_two_widths_of_a_plot(run):
    svg = inline_svg(ScorePlot(run))

    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert re.findall(r'<svg class="(\w+)"', svg) == ["narrow", "wide"]
    assert len(ids) == len(set(ids))


def test_an_inlined_plot_has_the_colours_of_the_theme(run):
    svg = inline_svg(ScorePlot(run))

    assert "var(--ink)" in svg
    assert '<g data-models="rnn">' in svg
    assert not re.search(r"<svg[^>]* (width|height)=", svg)
