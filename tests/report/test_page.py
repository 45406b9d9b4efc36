import re
from html.parser import HTMLParser

import pytest
from factories import finished_run, run_folder

from rnnbench.analysis.load import load_run
from rnnbench.report import page as writer
from rnnbench.report.page import inline_svg, write_page
from rnnbench.report.plots import accuracy_plot
from rnnbench.report.sections import Section, findings
from rnnbench.results.schema import MissingTrial
from rnnbench.training.outcome import History

ANSWERS = {"rnn": [(0, 0, 0, 1), (0, 0, 1, 1)], "lstm": [(0, 0, 1, 2), (0, 1, 1, 2)]}
TEXTS = [["words", "of", "document", str(number)] for number in range(4)]


def pages(folder, texts=TEXTS, words=60, n_errors=20):
    """The report of a run: its HTML, its Markdown."""
    write_page(load_run(folder), texts, words, n_errors)
    return (folder / "report.html").read_text(), (folder / "report.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_folder(tmp_path_factory.mktemp("run"), ANSWERS)


@pytest.fixture(scope="module")
def page(folder):
    return pages(folder)[0]


class _Elements(HTMLParser):
    """Collects ids, links and all that a browser would load; checks that tags are closed."""

    def __init__(self, page):
        super().__init__()
        self.loaded, self.ids, self.links, self.open = [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        loads = ("src", "data", "poster") + (("href",) if tag in ("link", "use", "image") else ())
        self.loaded += [value for name, value in attrs if name in loads]
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if (tag, name) == ("a", "href")]
        if tag not in ("meta", "br", "img", "link", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_nothing_from_outside(page):
    assert all(address.startswith("#") for address in _Elements(page).loaded)
    assert "<script" not in page
    assert "@import" not in page


def test_the_navigation_leads_to_every_section(page):
    elements = _Elements(page)

    assert len(elements.links) == page.count("<h2") > 0
    assert all(elements.ids.count(link.removeprefix("#")) == 1 for link in elements.links)


def test_a_new_section_is_shown_in_both_pages_and_in_the_navigation(tmp_path, monkeypatch):
    mine = Section("mine", "My own", [("facts", {"colour": "<blue>"})], "Look.")
    monkeypatch.setattr(writer, "make_sections", lambda *_: [mine])

    html, markdown = pages(run_folder(tmp_path, ANSWERS))

    assert _Elements(html).links == ["#mine"]
    assert "<dt>colour</dt><dd>&lt;blue&gt;</dd>" in html
    assert markdown.endswith("## My own\n\nLook.\n\n- colour: &lt;blue>\n")


def test_control_characters_reach_no_page(tmp_path, monkeypatch):
    parts = [("facts", {"a": "\x1b[31mred"}), ("command", "rnnbench run \x9b31m")]
    monkeypatch.setattr(writer, "make_sections", lambda *_: [Section("mine", "My own", parts)])

    for page in pages(run_folder(tmp_path, ANSWERS)):
        assert not {"\x1b", "\x9b"} & set(page)


def test_a_command_is_one_line_with_all_its_blanks(tmp_path, monkeypatch):
    parts = [("command", "rnnbench run 'my  config.yaml'\n--fresh")]
    monkeypatch.setattr(writer, "make_sections", lambda *_: [Section("mine", "My own", parts)])

    _, markdown = pages(run_folder(tmp_path, ANSWERS))

    assert "```console\nrnnbench run 'my  config.yaml' --fresh\n```" in markdown


def test_the_plots_are_written_beside_the_page(folder, page):
    names = ["accuracy", "confusion-lstm", "confusion-rnn", "differences", "learning_curves"]

    assert sorted(file.name for file in (folder / "plots").iterdir()) == sorted(
        f"{name}.{suffix}" for name in names for suffix in ("png", "svg")
    )
    assert page.count("<figure") == len(names)


def test_without_training_in_epochs_there_are_no_learning_curves(tmp_path):
    records = {model: {"history": History()} for model in ANSWERS}

    html, _ = pages(run_folder(tmp_path, ANSWERS, records=records))

    assert "Learning curves" not in html


def test_a_run_of_one_model_has_its_difference_from_the_majority_without_a_plot(tmp_path):
    html, markdown = pages(run_folder(tmp_path, {"rnn": ANSWERS["rnn"]}))

    assert "plots/differences.png" not in markdown
    assert "rnn - always &#39;earn&#39;" in html


def test_page_and_markdown_show_each_model_and_the_command(folder):
    for text in pages(folder):
        assert all(model in text for model in ANSWERS)
        assert load_run(folder).results.command in text


def test_published_accuracies_have_their_sources_below(tmp_path):
    models = {"Text GCN": {"accuracy": 0.9707, "caveat": "an <odd> caveat"}}
    paper = {"source": "Yao 2019", "where": "AAAI, Table 2", "split": "5" * 64, "models": models}

    html, markdown = pages(run_folder(tmp_path, ANSWERS, references={"paper": paper}))

    assert "<dt>Yao 2019</dt><dd>AAAI, Table 2</dd>" in html
    assert "an &lt;odd&gt; caveat" in html
    assert "| Text GCN \\* | Yao 2019 | 0.9707 |" in markdown
    assert "- Yao 2019: AAAI, Table 2\n" in markdown


def test_a_misclassified_document_is_shown_with_its_words_and_every_answer(folder, page):
    document = page[page.index("test document 3") :]

    assert "words of document 3" in document
    assert "<dt>rnn</dt><dd>acq</dd>" in document
    assert "words of …" in pages(folder, words=2)[0]
    assert all("Their words are not shown" in each for each in pages(folder, texts=None))


def test_the_content_of_a_run_is_escaped(tmp_path):
    folder = run_folder(
        tmp_path, ANSWERS, dataset={"origin": "<img src=x>"}, environment={"cpu": "<b>&"}
    )

    page, _ = pages(folder, texts=[["<script>alert(1)</script>"]] * 4)

    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;b&gt;&amp;" in page


@pytest.mark.parametrize(
    ("split", "stated"),
    [
        (0.0, "the last of 1 epochs; no data was used to choose"),
        (0.25, "chosen on 25% of the training documents"),
    ],
)
def test_the_page_states_which_epoch_is_evaluated(tmp_path, split, stated):
    training = {"epochs": 1, "validation_split": split, "seeds": 2}
    folder = run_folder(tmp_path, ANSWERS, training=training)

    assert all(stated in page for page in pages(folder, None, words=0, n_errors=0))


def test_findings_name_the_best_and_the_models_no_better_than_the_majority():
    three = {name: [*answers, answers[0]] for name, answers in ANSWERS.items()}
    sentences = findings(finished_run(three).results)

    assert sentences[0].startswith("lstm has the highest test accuracy, 0.917")
    assert sentences[-2].startswith("Not clearly different from always 'earn', which scores 0.500")


def test_findings_name_the_models_with_too_few_seeds_for_a_verdict():
    sentences = findings(finished_run(ANSWERS).results)

    assert sentences[-2] == "Too few seeds for a verdict on lstm, rnn."


def test_the_first_finding_about_a_partial_run_is_that_it_is_partial():
    results = finished_run(ANSWERS).results
    missing = [MissingTrial(model="rnn", seed=2, error=None)]

    first, second, *_ = findings(results.model_copy(update={"missing": missing}))

    assert first == "This run is partial: 1 of 5 trials are missing."
    assert second.startswith("lstm has the highest test accuracy, 0.875")


def test_an_inlined_plot_has_ids_of_its_own_and_the_colours_of_the_theme():
    svg = inline_svg(accuracy_plot(finished_run(ANSWERS)))

    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert all(each.startswith("accuracy-") for each in ids)
    used = re.findall(r'(?:url\(#|href="#)([^")]+)', svg)
    assert set(used) <= set(ids)
    assert "var(--ink)" in svg
    assert not re.search(r"<svg[^>]* (width|height)=", svg)


def test_a_run_with_other_results_removes_the_old_report(tmp_path):
    folder = run_folder(tmp_path, ANSWERS)
    pages(folder)

    run_folder(folder, ANSWERS)
    assert (folder / "report.html").is_file()
    run_folder(folder, {"rnn": ANSWERS["rnn"]})

    assert not (folder / "report.html").exists()
    assert not (folder / "report.md").exists()
