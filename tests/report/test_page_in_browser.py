"""A report as a browser shows it; needs Chromium, and axe-core for what it checks.

``npm install axe-core`` in some folder brings axe-core; ``AXE_CORE`` is the path of its
``axe.min.js``.
"""

import pytest
from browser import AXE, CHROMIUM, barriers
from factories import finished_run, write_run

from rnnbench.analysis.errors import DocumentText
from rnnbench.report.page import report_page, write_files
from rnnbench.training.outcome import History

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
reason = "AXE_CORE is not the path of axe.min.js (npm install axe-core)"
with_axe = pytest.mark.skipif(not AXE.is_file(), reason=reason)

MODELS = ["rnn", "lstm", "gru", "a_network_with_a_long_name", "multinomial_naive_bayes"]
RIGHT = [11, 16, 17, 18, 19]
"""Of 20 documents, in the first of three trainings of each model."""
CURVES = History(
    loss=[2.0, 1.0, 0.5], score=[0.3, 0.5, 0.75],
    val_loss=[2.5, 1.5, 1.25], val_score=[0.25, 0.5, 0.625],
)  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report of a run with everything that a report can have."""
    labels = [0] * 12 + [1] * 5 + [2] * 3
    answers = {
        model: [[*labels[:right], *[(item + 1) % 3 for item in labels[right:]]]] * 3
        for model, right in zip(MODELS, RIGHT, strict=True)
    }
    notebook = {
        "source": "notebook",
        "dataset": "d" * 64,
        "models": {"rnn": {"accuracy": 0.7}},
    }
    paper = {
        "source": "paper",
        "split": "5" * 64,
        "models": {"Text GCN": {"accuracy": 0.9}},
    }
    run = finished_run(
        answers,
        folder=tmp_path_factory.mktemp("run"),
        labels=labels,
        records={model: {"history": CURVES} for model in MODELS[:-1]},
        references={"notebook": notebook, "paper": paper},
    )
    write_run(run)
    texts = [DocumentText(["some", "words"])] * len(labels)
    return write_files(run.folder, report_page(run, texts, 60, 20))


every_width = pytest.mark.parametrize("width", [1280, 768, 400])


@with_axe
@every_width
def test_axe_finds_nothing(browser, page, width):
    browser.open(page, width)
    assert barriers(browser) == []


@every_width
def test_the_page_is_never_wider_than_the_window(browser, page, width):
    browser.open(page, width)

    assert browser.evaluate("document.documentElement.scrollWidth") == width


def test_the_script_runs_without_the_network(browser, page):
    browser.open(page)

    assert browser.evaluate("document.querySelectorAll('thead button').length") > 0
    kinds = {event["method"] for event in browser.events}
    asks = "Network.requestWillBeSent"
    asked = [event["params"] for event in browser.events if event["method"] == asks]
    assert [item["request"]["url"] for item in asked] == [page.as_uri()]
    # What the policy refuses is logged.
    assert not kinds & {"Runtime.exceptionThrown", "Log.entryAdded"}


OPEN = "document.querySelectorAll('section > details[open]').length"
HEIGHT = "document.documentElement.scrollHeight"


def test_sections_are_folded_until_a_click_or_a_link_opens_one_even_without_the_script(
    browser, page
):
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(page)
    height = browser.evaluate(HEIGHT)
    at_first = browser.evaluate(OPEN)
    browser.evaluate("document.querySelector('nav a[href=\"#power\"]').click()")
    browser.evaluate("document.querySelector('section:has(#errors) summary').click()")
    opened = (
        "[...document.querySelectorAll('section > details[open] > div')]"
        ".map((part) => part.id)"
    )
    is_open = browser.evaluate(opened)
    browser.send("Emulation.setScriptExecutionDisabled", value=False)

    assert at_first == 0
    assert height < 3_500
    assert is_open == ["power", "errors"]


def test_a_plot_fits_a_phone(browser, page):
    browser.open(page, 400)
    plot, main = (
        browser.evaluate(f"document.querySelector('{place}').clientWidth")
        for place in ("#score svg", "main")
    )

    assert plot < 1.2 * main


FIRST_CELLS = (
    "[...document.querySelectorAll('table')[0].rows].slice(1)"
    ".map((row) => row.cells[0].innerText)"
)


def test_a_header_sorts_by_the_keyboard(browser, page):
    browser.open(page)
    in_order = browser.evaluate(FIRST_CELLS)
    browser.evaluate("document.querySelectorAll('thead button')[2].focus()")
    sort = "document.querySelectorAll('thead th')[2].ariaSort"

    orders = []
    for _ in range(3):
        browser.press("Enter")
        orders.append((browser.evaluate(sort), browser.evaluate(FIRST_CELLS)))

    *models, always = in_order
    assert models == MODELS[::-1]
    assert orders == [
        ("descending", [*models, always]),
        ("ascending", [*models[::-1], always]),
        (None, in_order),
    ]


def test_numbers_are_sorted_as_numbers(browser, page):
    browser.open(page)
    table = "<tbody><tr><td>{}<tr><td>{}<tr><td>{}<tr><td>{}<tr><td>{}"
    cells = ["9 (2 of 3 seeds)", "-", "1,000", "-2e-03 to 7", "more documents"]
    html = f"<thead><tr><th>n</thead>{table.format(*cells)}"
    browser.evaluate(
        f"document.body.append(make('table', {{id: 'mine', innerHTML: `{html}`}}))"
    )
    browser.evaluate("makeSortable(document.querySelector('#mine'))")
    body = "document.querySelector('#mine tbody').innerText.trim().split(/\\s*\\n/)"

    for order in ([2, 0, 3, 4, 1], [3, 0, 2, 4, 1]):
        browser.evaluate("document.querySelector('#mine button').click()")
        assert browser.evaluate(body) == [cells[number] for number in order]


def test_a_filter_leaves_the_rows_with_its_words(browser, page):
    browser.open(page)
    browser.evaluate(
        "document.querySelector('section:has(#differences) summary').click()"
    )
    browser.evaluate("document.querySelector('input[type=search]').focus()")

    browser.send("Input.insertText", text="GRU - LSTM")

    shown = "[...document.querySelector('section:has(#differences) tbody').rows]"
    left = browser.evaluate(
        f"{shown}.filter((row) => !row.hidden).map((row) => row.innerText)"
    )
    assert len(left) == 1
    assert left[0].startswith("gru - lstm"), "the better model is first"
    assert (
        browser.evaluate("document.querySelector('output').innerText").strip()
        == "1 of 15 rows"
    )


def test_a_model_that_is_not_picked_leaves_the_page(browser, page):
    browser.open(page)
    rows = "[...document.querySelectorAll('tr, dt, summary')]"
    visible = (
        f"{rows}.filter((one) => one.checkVisibility()).map((one) => one.innerText)"
    )
    off = "[...document.querySelectorAll('svg .off')]"

    browser.evaluate("document.querySelector('.picker').open = true")
    browser.evaluate("document.querySelector('input[value=gru]').click()")

    texts = browser.evaluate(visible)
    assert any("lstm" in text for text in texts)
    assert not [text for text in texts if "gru" in text]
    opacities = browser.evaluate(
        f"{off}.map((element) => getComputedStyle(element).opacity)"
    )
    assert {*opacities} == {"0.08"}
    assert "4 of 5" in browser.evaluate(
        "document.querySelector('.picker summary').innerText"
    )


def test_on_paper_everything_is_there(browser, page):
    browser.open(page)

    paper = {"width": 680, "height": 980, "deviceScaleFactor": 1, "mobile": False}
    browser.send("Emulation.setEmulatedMedia", media="print")
    browser.send("Emulation.setDeviceMetricsOverride", **paper)

    assert browser.evaluate("document.documentElement.scrollWidth") == 680
    cut = (
        "[...document.querySelectorAll('.scroll')]"
        ".filter((e) => e.scrollWidth > e.clientWidth)"
    )
    assert browser.evaluate(f"{cut}.length") == 0
    parts = "[...document.querySelectorAll('table, figure, svg.narrow, article, dl')]"
    assert browser.evaluate(f"{parts}.every((one) => one.checkVisibility())"), (
        "folded, too"
    )
    hidden = "!document.querySelector('.picker').checkVisibility()"
    assert browser.evaluate(hidden)
    browser.evaluate("document.querySelector('input[value=gru]').click()")
    assert not browser.evaluate(hidden), "a model is left out"
    browser.send("Emulation.setEmulatedMedia", media="")
