"""A site as a browser shows it; needs Chromium, and axe-core for what it checks."""

import pytest
from browser import AXE, CHROMIUM, barriers
from factories import runs_on_datasets, scored_run

import rnnbench
from rnnbench.training.outcome import History

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
PAGES = ["index.html", "leaderboard.html", "history.html", "runs/1/report.html"]
LONG = "a_network_with_a_long_name"
MODELS = {LONG: [18, 18, 17], "lstm[units=32,lr=0.003]": [9, 8, 9]}
WORSE = {LONG: [3, 2, 3], "lstm[units=32,lr=0.003]": [10, 9, 9]}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a site of five runs of one config, and of others on two more
    datasets.
    """
    records = {model: {"history": History()} for model in MODELS}
    nightly = [
        scored_run(
            WORSE if day > 2 else MODELS,
            folder=f"nightly/{day}",
            environment={
                "date": f"2026-11-{day:02}T10:20:30Z",
                "cpu": "A Processor @ 2.20GHz",
            },
            records=records,
        )
        for day in range(1, 6)
    ]
    others = runs_on_datasets(
        {"r8": MODELS, "r52": WORSE}, records=records, name="other"
    )
    folder = tmp_path_factory.mktemp("site")
    rnnbench.site([*nightly, *others], folder, errors=3, progress=False)
    return folder


@pytest.mark.skipif(not AXE.is_file(), reason="AXE_CORE is not the path of axe.min.js")
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing(browser, site, page, width):
    browser.open(site / page, width)

    assert barriers(browser) == []


@pytest.mark.parametrize("width", [1280, 768, 400])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_never_wider_than_the_window(browser, site, page, width):
    browser.open(site / page, width)

    assert browser.evaluate("document.documentElement.scrollWidth") == width


def test_links_lead_to_a_report_as_well_as_back(browser, site):
    browser.open(site / "index.html")
    click = "document.querySelector('{}').click()"
    loaded = "Page.loadEventFired"

    places = []
    for link in ("tbody a", 'nav a[href$="index.html"]'):
        browser.evaluate(click.format(link))
        browser.wait_for(loaded)
        places.append(browser.evaluate("location.pathname"))

    assert places[0].endswith("/runs/5/report.html"), "the newest run is first"
    assert places[1] == str(site / "index.html")
    kinds = {event["method"] for event in browser.events}
    assert not kinds & {"Runtime.exceptionThrown", "Log.entryAdded"}


def test_a_model_that_is_not_picked_leaves_the_page(browser, site):
    for page, parts in (("history.html", "figure"), ("leaderboard.html", "tbody tr")):
        browser.open(site / page)
        elements = f"[...document.querySelectorAll('{parts}')]"
        visible = f"{elements}.filter((element) => element.checkVisibility())"
        before = browser.evaluate(f"{visible}.length")
        browser.evaluate(f"document.querySelector('input[value={LONG}]').click()")

        left = browser.evaluate(f"{visible}.map((element) => element.textContent)")

        assert 0 < len(left) < before
        assert not [text for text in left if LONG in text]


def test_plots_of_the_history_fit_a_phone(browser, site):
    browser.open(site / "history.html", 390)

    plots = "[...document.querySelectorAll('.plot')]"
    assert browser.evaluate(f"{plots}.length")
    assert browser.evaluate(f"{plots}.every((p) => p.scrollWidth <= p.clientWidth)")
