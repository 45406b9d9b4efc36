"""The documentation site: it can be built, lacks nothing, and what it says is so."""

import contextlib
import html
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path
from urllib.parse import unquote, urldefrag

import numpy as np
import pytest
import yaml
from browser import AXE, CHROMIUM, violations
from elements import Elements

import rnnbench
from rnnbench.analysis.boards import rank_runs
from rnnbench.analysis.power import power_of_pairs
from rnnbench.analysis.summary import load_run
from rnnbench.cli.app import COMMANDS, load_command
from rnnbench.config.load import load
from rnnbench.plugins.speed.records import SpeedResults
from rnnbench.plugins.teach.kinds import LSTM
from rnnbench.plugins.teach.toy import draw
from rnnbench.report.words import mean_and_interval, short_p
from rnnbench.results.run import load_results
from rnnbench.terminal import console

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REFERENCE = ROOT / "results/reference"
PAGES = {file.stem: file.read_text() for file in DOCS.glob("*.md")}
MADE = {"index", "commands", "config"}
"""Pages that are made while the site is built; the first is the README."""
OF_THE_PACKAGE = sorted(ROOT.glob("rnnbench/plugins/teach/drawings/*.svg"))
DRAWINGS = [*sorted(DOCS.glob("images/*.svg")), *OF_THE_PACKAGE]
SCHEMA = json.loads((ROOT / "rnnbench/config/config.schema.json").read_text())["$defs"]


def blocks(page, language):
    """The code blocks of a page in a language."""
    return re.findall(
        rf'^```{language}(?: title=".+?")?\n(.*?)^```$', page, re.M | re.S
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The HTML of each page of the site, by file."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--site-dir",
        folder,
    ]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    variables = os.environ | {"PYTHONPATH": path, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return {file: file.read_text() for file in folder.rglob("*.html")}


@pytest.fixture(scope="module")
def elements(site):
    """The elements of each page, by file."""
    return {file: Elements(text) for file, text in site.items()}


@pytest.fixture(scope="module")
def page(site):
    """Returns the HTML of a page, by the name of its file."""
    deepest_first = sorted(site, key=lambda file: len(file.parts), reverse=True)
    by_name = {file.name: site[file] for file in deepest_first}
    return lambda name: by_name[f"{name}.html"]


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]

    assert set(re.findall(r": ([\w-]+)\.md$", navigation, re.M)) == {*PAGES, *MADE}


def test_no_page_repeats_a_paragraph_of_another():
    paragraphs = [
        " ".join(part.split())
        for text in PAGES.values()
        for part in text.split("\n\n")
        if len(part) > 200
    ]

    assert len(set(paragraphs)) == len(paragraphs)


def test_links_lead_to_places_on_pages(elements):
    for file, page in elements.items():
        for link in () if file.name == "404.html" else {*page.links, *page.others}:
            place, anchor = urldefrag(link)
            if re.match(r"[a-z]+:", link):
                continue
            target = (file.parent / unquote(place)).resolve() if place else file
            assert target.exists(), f"{file.name}: {link}"
            if anchor and target.suffix == ".html":
                assert unquote(anchor) in elements[target].ids, f"{file.name}: {link}"


def test_nothing_is_loaded_from_elsewhere(elements):
    for file, page in elements.items():
        loaded = {
            source for source in page.loaded if re.match(r"(https?:)?//", source or "")
        }
        assert not loaded, file


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_the_search_works_where_the_site_is_opened_from_a_folder(site, browser):
    (file,) = [file for file in site if file.name == "glossary.html"]
    browser.open(file)

    found = browser.evaluate("""new Promise(resolve => {
        const search = document.querySelector(".md-search__input")
        const result = document.querySelector(".md-search-result__list")
        new MutationObserver(() => resolve(result.innerText)).observe(
            result, {childList: true})
        search.focus()
        search.value = "satterthwaite"
        search.dispatchEvent(new Event("keyup", {bubbles: true}))
        setTimeout(() => resolve("nothing"), 10000)
    })""")
    assert "What the numbers mean" in found


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.skipif(not AXE.is_file(), reason="AXE_CORE is not the path of axe.min.js")
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", ["index", "findings", "commands", "config"])
def test_axe_finds_nothing(site, browser, name, width):
    files = [file for file in site if file.name == f"{name}.html"]

    browser.open(min(files, key=lambda file: len(file.parts)), width)

    assert violations(browser) == []
    browser.choose("dark")
    assert violations(browser) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_on_its_page_with_its_options(page, name):
    command = load_command(name)
    parts = getattr(command, "commands", {})
    anchors = {name: command} | {
        f"{name}-{other}": part for other, part in parts.items()
    }

    for anchor, part in anchors.items():
        _, _, section = page("commands").partition(f'id="{anchor}"')
        section = re.split(r"<h[23] ", section)[0]
        assert section
        for parameter in () if part is command and parts else part.params:
            if parameter.param_type_name == "option":
                for option in parameter.opts:
                    assert re.search(rf"{option}\b", section), option


def variants(name):
    """The definition of each kind of layer or baseline, by its anchor."""
    for entry in (SCHEMA[name], *SCHEMA[name].get("anyOf", ())):
        for kind, value in entry.get("properties", {}).items():
            yield f"{name.lower()}s.{kind}.", value["$ref"].rpartition("/")[2]


KEYS = {
    "": "Benchmark",
    "data.": "Data",
    "training.": "Training",
    "early_stopping.": "EarlyStopping",
    "schedule.": "Schedule",
    "decision.": "DecisionRule",
    "network.": "LayeredNetwork",
    "language_model.": "LanguageModel",
    "python.": "PythonNetwork",
    "baseline.": "BaselineModel",
    "transformer_model.": "TransformerModel",
    "transformer.": "Transformer",
    "ensemble.": "EnsembleModel",
    "members.": "Ensemble",
    "references.": "Reference",
    "published.": "Published",
    **dict(variants("Layer")),
    **dict(variants("Baseline")),
}


def test_every_key_of_a_config_is_on_its_page(page):
    keys = {
        f"{start}{key}"
        for start, name in KEYS.items()
        for key in SCHEMA[name]["properties"]
    }
    assert keys <= {*Elements(page("config")).ids}

    shown = {*KEYS.values(), "Layer", "Baseline", "Recurrent"}
    same = {"TrainingSettings", "ModelTraining"}  # a part of Training
    same |= {"OutsideModel"}  # only `rnnbench verdict` writes it
    sections = {name for name, entry in SCHEMA.items() if "properties" in entry}
    assert {
        name for name in sections - shown - same if not name.endswith("InPart")
    } == set()


def test_signatures_on_the_page_of_the_api_are_broken_into_lines(page):
    signatures = re.findall(
        r'doc-signature highlight"><pre>(.*?)</pre>', page("api"), re.DOTALL
    )
    lines = [
        line
        for entry in signatures
        for line in re.sub("<[^>]+>", "", entry).splitlines()
    ]

    assert len(lines) > len(signatures)
    assert max(len(html.unescape(line)) for line in lines) <= 80


def test_every_public_name_is_on_the_page_of_the_api(page):
    assert {f"rnnbench.{name}" for name in rnnbench.__all__} <= {
        *Elements(page("api")).ids
    }


# Drawings


def test_drawings_are_described():
    shown = {
        (DOCS / file).resolve(): words
        for text in PAGES.values()
        for words, file in re.findall(r"!\[(.*?)\]\((.*?\.svg)\)", text, re.S)
    }

    assert set(shown) == set(DRAWINGS)
    assert all(len(words) > 40 for words in shown.values())
    for file, words in shown.items():
        described = re.search(r"<desc>(.*)</desc>", file.read_text())
        assert described is None or described[1] == words, file.name


def test_the_drawing_of_stacked_layers_is_that_of_the_command():
    assert (DOCS / "images/stacking.svg").read_text() == draw([LSTM, LSTM])


@pytest.mark.parametrize("file", DRAWINGS, ids=lambda file: file.stem)
def test_drawings_with_the_same_styles_fit_a_phone(file):
    drawing = file.read_text()
    first = DRAWINGS[0].read_text()
    style = re.compile(r"<style>.*?</style>", re.S)

    assert style.search(drawing)[0] == style.search(first)[0]
    width = float(re.search(r'viewBox="\S+ \S+ (\S+) \S+"', drawing)[1])
    sizes = [float(size) for size in re.findall(r"font-size: ?(\d+)px", drawing)]
    assert width / 368 <= min(sizes) / 11.5  # pixels of text where the page is 400 wide


def test_pages_show_drawings_without_a_script(page):
    pages = [page(name) for name in PAGES]

    drawn = [
        text.count('<svg class="drawing" role="img" aria-label="') for text in pages
    ]
    assert sum(drawn) == len(DRAWINGS)
    assert not [
        text for text in pages if "<style>\n    svg" in text or "arithmatex" in text
    ]
    assert page("notebook").count("<math ") > 20


# Code and output


def test_the_code_of_the_teaching_notebook_prints_what_stands_below_it():
    names = {}
    pairs = re.findall(
        r"^```python\n(.*?)^```$(?:\n+```text\n(.*?)^```$)?",
        PAGES["notebook"],
        re.M | re.S,
    )
    assert len(pairs) >= 5
    for code, expected in pairs:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)  # noqa: S102 - it is our own
        assert printed.getvalue() == expected


COMMANDS_OF = {
    name: re.findall(
        r"^(\$ )?(rnnbench .+)\n((?:(?!\$ |rnnbench ).*\n)*)", "".join(found), re.M
    )
    for name, text in PAGES.items()
    if (
        found := [
            one
            for one in blocks(text, "console")
            if "$ rnnbench" in one or name == "verdict"
        ]
    )
}
"""The commands that are run, page by page, and what stands below them; all of
``verdict``."""


CONFIGS = [
    (name, block)
    for name, text in PAGES.items()
    for block in blocks(text, "yaml")
    if block.startswith("name:")
]


@pytest.mark.usefixtures("quick", "one_plot")
@pytest.mark.parametrize("name", COMMANDS_OF)
def test_commands_print_what_stands_below_them(cli, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console.out, "width", 80)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for config in (text for page, text in CONFIGS if page == name):
        (tmp_path / f"{yaml.safe_load(config)['name']}.yaml").write_text(config)
    for file, table in re.findall(
        r'^```csv title="(.+?)"\n(.*?)^```$', PAGES[name], re.M | re.S
    ):
        (tmp_path / file).write_text(table)

    for is_shown, command, output in COMMANDS_OF[name]:
        done = cli(*shlex.split(command)[1:])
        assert done.output == output if is_shown else done.exit_code == 0, (
            command,
            done.output,
        )


def test_the_python_of_verdicts_runs(capsys):
    (code,) = blocks(PAGES["verdict"], "python")
    exec(code, {})  # noqa: S102 - it is our own

    assert "yours" in capsys.readouterr().out


def test_the_python_of_classifiers_runs(capsys):
    _, code, *_ = blocks(PAGES["api"], "python")
    exec(code, {})  # noqa: S102 - it is our own

    assert capsys.readouterr().out.endswith("[1. 1.]\n")


@pytest.mark.parametrize(("name", "config"), CONFIGS)
def test_configs_are_right(tmp_path, name, config):
    (tmp_path / "it.yaml").write_text(config)

    assert load(tmp_path / "it.yaml").models, name


# Figures


def rows_of(name):
    """The rows of the first table in a file of the reference results."""
    table = (REFERENCE / name).read_text().split("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def in_percent(shares):
    low, high = (f"{100 * extreme(map(float, shares)):.0f}" for extreme in (min, max))
    return f"{low} to {high} %"


def words_of(name):
    return " ".join(PAGES[name].split())


def test_the_simulated_coverage_is_that_of_the_table():
    words = words_of("trust")
    *_, two, three, five, ten = zip(*rows_of("coverage.md"), strict=True)
    assert f"{in_percent(three + five + ten)} of cases with 3 or more seeds" in words
    assert f"in {in_percent(two)} with 2 ([coverage]" in words


def test_the_simulated_verdicts_are_those_of_the_table():
    def of(column, *seeds, is_mixed):
        rows = [row for row in rows_of("verdicts.md") if row[3] in seeds]
        return [row[column] for row in rows if (" " in row[2]) == is_mixed]

    words = words_of("trust")
    from_three = ("3", "5", "10")
    assert (
        f"in {in_percent(of(4, *from_three, is_mixed=False))} of cases with 3 or more"
        in words
    )
    largest = max(map(float, of(4, *from_three, is_mixed=True)))
    assert f"in up to {100 * largest:.0f} % if some models vary" in words


def test_the_promises_kept_are_those_of_the_table():
    rows = rows_of("selective.md")
    kept = [float(row[5]) for row in rows if row[0] == row[1]]

    assert f"At least {100 * min(kept):.0f} % of promises" in words_of("questions")


def test_the_new_topics_found_are_those_of_the_table():
    (found,) = [
        float(row[3])
        for row in rows_of("two_samples.md")
        if row[1:3] == ["20% of a new topic", "200"]
    ]

    assert f"in {100 * found:.0f} % of cases, and another" in words_of("questions")


def test_the_simulated_bursts_are_those_of_the_table():
    words = words_of("trust")
    n = len(rows_of("bursts.md")) // 2
    bursts = [
        in_percent(column)
        for column in list(zip(*rows_of("bursts.md")[:n], strict=True))[5:]
    ]
    held = f"{bursts[1]} of their intervals contain the true value, but only {bursts[0]} of those"
    assert held in words
    assert f"in {bursts[3]} of cases, instead of {bursts[2]}" in words


def test_the_simulated_shares_of_micro_f1_are_those_of_the_table():
    words = words_of("trust")
    *_, f1, _, difference, _, alike, _, unlike, _, macro = zip(
        *rows_of("micro_f1.md"), strict=True
    )
    assert f"{in_percent(f1 + difference)} of intervals contain the true value" in words
    assert f"{in_percent(alike + unlike)} of pairs with equal micro-F1 have" in words
    assert f"are too narrow: {in_percent(macro)} contain it" in words


def test_the_shares_of_many_models_are_those_of_the_table():
    words = words_of("trust")
    rows = rows_of("many_models.md")
    largest = [row for row in rows if row[1] == "120"]
    others = [row for row in rows if row[1] != "120"]
    few, many, few_by_holm, many_by_holm = (
        in_percent([row[column] for row in part])
        for column in (3, 4)
        for part in (others, largest)
    )

    assert (
        f"in {few} of families of 3 to 40 models, and in {many} of families of 120"
        in words
    )
    assert f"(Holm's method: {few_by_holm}, and {many_by_holm})" in words
    assert f"worse than the best in {in_percent([row[10] for row in rows])}" in words


def test_the_shares_of_undeclared_clusters_are_those_of_the_table():
    words = words_of("trust")
    rows = [row[2:] for row in rows_of("undeclared.md") if row[1] == "85%"]
    strong = [row[1:] for row in rows if row[0] == "0.6"]
    line, held, found, held_by_clusters, found_by_clusters = zip(*strong, strict=True)

    assert {in_percent(held_by_clusters), in_percent(line)} == {
        "95 to 95 %",
        "100 to 100 %",
    }
    assert (
        f"95 % of intervals then contain the true value, and otherwise {in_percent(held)}"
        in words
    )
    changed = (
        f"in {in_percent(found_by_clusters)} of cases, instead of {in_percent(found)}"
    )
    assert changed in words
    assert (
        max(float(row[3]) for row in rows_of("undeclared.md") if row[2] == "0") < 0.02
    )


def test_the_variances_of_alike_documents_are_those_of_the_table():
    rows = {row[0]: row for row in rows_of("dependence.md")}
    words = words_of("trust")
    _, n, *_ = rows["alike: a cosine above 0.7"]
    of_r52 = (REFERENCE / "dependence.md").read_text().split("\n\n")[2]
    in_blocks = re.search(r"blocks of 50 neighbours .*?(\S+ to \S+) ", of_r52)[1]

    assert (
        f"blocks of 50 neighbours is {in_blocks} times that of independent documents"
        in words
    )
    assert f"{n} of the 599 test documents resemble another one" in words


def test_the_differences_that_could_be_found_are_those_of_the_reference_run(tmp_path):
    shutil.copytree(
        REFERENCE / "all", tmp_path / "all"
    )  # an older version would be converted
    run = load_run(tmp_path / "all")
    pairs = {
        (entry.comparison.a, entry.comparison.b): entry for entry in power_of_pairs(run)
    }
    one_or_two = pairs["lstm", "stacked_lstm"]
    words = words_of("trust")

    difference = -one_or_two.comparison.difference
    assert f"two LSTM layers are {100 * difference:.1f} points better than one" in words
    assert (
        f"a difference of {100 * one_or_two.detectable:.1f} points if no other pair were tested, "
        f"and of {100 * one_or_two.detectable_corrected:.1f} points after" in words
    )
    assert "1,000 seeds are not enough" in words
    assert {entry.seeds_needed for entry in pairs.values()} == {None}


def test_the_numbers_of_duplicates_are_those_of_the_reference_runs():
    def n_duplicates(name, kind="duplicates"):
        dataset = json.loads((REFERENCE / name / "results.json").read_text())["dataset"]
        return sum(map(len, dataset[kind].values())), dataset["test_size"]

    words = words_of("trust")
    n, n_documents = n_duplicates("all")
    assert f"So {n} of the {n_documents} test documents" in words
    (complete, _), (cut, _) = (
        n_duplicates("reuters46", f"{start}duplicates") for start in ("whole_", "")
    )
    assert (
        f"{complete} test documents of the whole set have a duplicate, or {cut} if cut"
        in words
    )


def errors_of_every_training(folder):
    """Return how many test documents every training of a reference run gets wrong."""
    trials = list(chain.from_iterable(load_run(REFERENCE / folder).trials.values()))
    mistakes = [trial.answers != trial.labels for trial in trials]
    return int(np.all(mistakes, axis=0).sum())


def comparison_of(folder, *models):
    """Return how two models of a reference run compare."""
    comparisons = json.loads((REFERENCE / folder / "results.json").read_text())[
        "comparisons"
    ]
    (pair,) = [pair for pair in comparisons if {pair["a"], pair["b"]} == set(models)]
    return pair


def test_random_word_vectors_are_not_called_worse():
    scores = {name: score.split()[0] for name, score, *_ in rows_of("zoo/table.md")}
    pair = comparison_of("zoo", "bilstm_max", "bilstm_max_random")
    ours = scores["bilstm_max"]
    random = scores["bilstm_max_random"]

    assert pair["p_corrected"] >= 0.05
    stated = f"the accuracy is {random}, not {ours}; the difference is not clear"
    assert stated in words_of("findings")


def test_the_scores_of_several_topics_at_one_half_are_those_of_the_reference_run():
    rows = {row[0]: row for row in rows_of("reuters90/table.md")}
    svm = rows["tfidf_linear_svm"]
    network = rows["bigru_max"]
    best = rows["all_bigru_max_with_svm"]
    language_model = {row[0]: row for row in rows_of("reuters90_minilm.md")}
    together = language_model["minilm_with_svm"]

    words = words_of("findings")
    assert f"the SVM on words has {svm[3]}, not {svm[1]}" in words
    assert f"`bigru_max` {network[3].split()[0]}, not {network[1].split()[0]}" in words
    assert f"a language model has {best[1]}, or {best[3]} at 0.5" in words
    scores = f"{together[1].split()[0]}, or {together[3].split()[0]}"
    assert f"MiniLM with the SVM {scores}" in words


def test_the_scores_of_minilm_are_those_of_its_run():
    rows = {row[0]: row for row in rows_of("reuters90_minilm.md")}
    svm = rows["word_char_tfidf_linear_svm"]

    words = words_of("findings")
    assert f"has {rows['minilm'][1]}. It is clearly" in words
    assert f"characters: {svm[1]}, p 0.033)" in words
    assert f"MiniLM with the SVM has {rows['minilm_with_svm'][1]} and" in words
    as_good = [name for name, row in rows.items() if row[5] in ("best", "the best")]
    assert as_good == ["minilm", "minilm_with_svm", "all_minilm_with_svm"]


ALONE = ["bigru_max", "word_char_tfidf_linear_svm"]
TOGETHER = "all_bigru_max_with_svm"


def tables_of_ensembles():
    """The two tables of scores of ensembles in the findings: by accuracy, or micro-F1,
    and by log-loss.
    """
    section = PAGES["findings"].split("### Models together")[1].split("\n## ")[0]
    return re.findall(r"(?:^\|.*\n)+", section, re.M)


def test_the_figures_of_ensembles_are_those_of_the_reference_runs():
    by_score, _ = tables_of_ensembles()
    shown = re.findall(r"/reference/(\w+)/table.md\) \| (.*) \|$", by_score, re.M)

    assert len(shown) == 4
    for folder, cells in shown:
        models = {
            model.name: model for model in load_results(REFERENCE / folder).models
        }
        together = ["all_bigru_max", "bigru_max_with_svm", TOGETHER]
        scores = [mean_and_interval(models[name].score) for name in ALONE + together]
        p_best = [short_p(models[name].p_best) for name in ALONE]
        assert cells.split(" | ") == scores + p_best
        best = max(models.values(), key=lambda model: model.score.mean).name
        assert best.startswith("all_bigru_max")


def test_the_log_losses_of_ensembles_are_those_of_the_reference_runs():
    _, by_loss = tables_of_ensembles()
    shown = [line.strip("| ").split(" | ") for line in by_loss.splitlines()[2:]]

    folders = ("zoo", "r52", "r8", "reuters46")
    for folder, (_, *cells) in zip(folders, shown, strict=True):
        models = {
            model.name: model for model in load_results(REFERENCE / folder).models
        }
        network = "bilstm_max" if folder == "zoo" else "bigru_max"
        all_seeds = f"all_{network}"
        names = [network, "calibrated_linear_svm", all_seeds, f"{all_seeds}_with_svm"]
        losses = [models[name].metrics["log_loss"].mean for name in names]
        assert cells == [f"{loss:.3f}" for loss in losses]


@pytest.mark.parametrize(
    ("folder", "metric"),
    [
        ("r52", "log_loss"),
        ("r8", "log_loss"),
        ("reuters46", "log_loss"),
        ("reuters90", "binary_log_loss"),
    ],
)
def test_by_log_loss_single_models_are_clearly_worse_than_the_best(folder, metric):
    (board,) = rank_runs([load_run(REFERENCE / folder)], metric)
    best, *others = board.entries
    networks_alone = ("bigru_max", "wide_mlp", "mean_embedding")
    single = [
        entry
        for entry in others
        if entry.model.is_baseline or entry.model.name in networks_alone
    ]

    assert best.model.name.startswith("all_bigru_max")
    assert "bigru_max" in [entry.model.name for entry in single]
    assert all(
        entry.against_best.is_clear for entry in single if entry.rank is not None
    )


def test_the_simulated_log_losses_are_those_of_the_table():
    rows = rows_of("log_loss.md")
    held = [share for row in rows for share in row[4:6]]
    different = [row[6] for row in rows]

    words = words_of("trust")
    assert f"{in_percent(held)} of intervals contain the true value, and" in words
    assert f"{in_percent(different)} of equal models are called different" in words


def test_the_highest_scores_of_ensembles_are_those_of_the_reference_runs():
    words = words_of("findings")
    r52, keras_set = (
        max(load_results(REFERENCE / folder).models, key=lambda model: model.score.mean)
        for folder in ("r52", "reuters46")
    )

    assert r52.name == "all_bigru_max_with_svm_by_probabilities"
    stated = (
        f"On R52, the highest score is {r52.score.mean:.4f}, by averaged probabilities"
    )
    assert stated in words
    assert keras_set.name == "all_bigru_max_with_log_odds"
    stated = f"Keras set {keras_set.score.mean:.4f}, with an SVM with log-odds weights"
    assert stated in words


def test_the_variants_of_the_training_are_those_of_their_table():
    scores = {
        (rate, weights, epochs): score.split()[0]
        for _, rate, weights, epochs, score, *_ in rows_of("variants_r52.md")
    }
    plain = scores["0.002", "null", "24"]
    longer = scores["0.002", "null", "48"]
    cosine = scores["start_0.002_schedule_cosine", "null", "24"]
    balanced = scores["0.002", "balanced", "24"]

    assert (
        f"`bigru_max` has {plain}, or {longer} with twice as many epochs, {cosine} with a "
        f"cosine schedule, and {balanced} with balanced topics"
    ) in words_of("findings")


def test_the_ceilings_are_those_of_their_table():
    right_by_one = {row[0]: row[4] for row in rows_of("ceiling.md")}
    r8 = right_by_one["r8"]
    r52 = right_by_one["r52"]

    stated = f"about {r8} of these documents, and about {r52} of those of R52"
    assert stated in words_of("findings")


def test_the_figures_of_errors_are_those_of_the_reference_runs():
    def errors(folder):
        counts = [
            row[1:]
            for row in rows_of(f"{folder}/errors.md")
            if row[0] in (TOGETHER, "all models")
        ]
        return [[float(count) for count in row] for row in counts]

    words = words_of("findings")
    (r8, *_), (of_all, *_) = errors("r8")
    every = errors_of_every_training("r8")
    made = f"all models make {of_all:.0f} of these, and every training makes {every}"
    assert f"makes {r8:.0f} errors; {made}" in words


def test_the_speed_is_that_of_the_reference_run():
    stored = (REFERENCE / "speed/speed.json").read_text()
    contenders = {
        entry.name: entry
        for entry in SpeedResults.model_validate_json(stored).contenders
    }
    times = {}
    memory = {}
    for name, entry in contenders.items():
        times[name] = f"{np.median(contenders['native'].speedups(entry)):.1f} times as"
        memory[name] = f"{max(trial.peak_memory_mb for trial in entry.trials):.0f} MB"

    words = words_of("speed")
    assert (
        f"`native` is {times['torch']} fast as `torch`, and {times['keras']} fast as `keras`"
    ) in words
    assert f"a process of `native` needs {memory['native']} of memory" in words


def test_the_times_of_trainings_are_those_of_the_reference_runs():
    shown = re.findall(
        r"^\| \[(\w+)\]\(\S+\) \| (.*) \| (.*) \| (.*) \| (.*) \|$",
        PAGES["time"],
        re.M,
    )

    assert len(shown) == 4
    for name, n_documents, words, network, svm in shown:
        results = load_results(REFERENCE / name)
        seconds = {model.name: model.fit_seconds for model in results.models}
        of_network = seconds["bilstm_max" if name == "zoo" else "bigru_max"]
        assert n_documents == f"{results.dataset.train_size:,}"
        assert words == str(results.dataset.timesteps)
        assert network == f"{of_network.mean:.0f}"
        assert float(svm) == pytest.approx(seconds["tfidf_linear_svm"].mean, rel=0.05)


@pytest.mark.parametrize("name", ["bigru_max", "tfidf_linear_svm"])
def test_the_figures_of_imbalance_are_those_of_the_reference_run(name):
    results = load_results(REFERENCE / "r52")
    (model,) = [model for model in results.models if model.name == name]

    n_never = len(model.topics_never_predicted)
    scores = f"{model.score.mean:.4f} | {model.metrics['macro_f1'].mean:.4f}"
    assert f"| {name} | {scores} | {n_never} |" in PAGES["imbalance"]
    assert f"{results.dataset.majority_score:.0%}" == "42%"
    assert "42 % of the test documents have the topic `earn`" in words_of("imbalance")


def test_the_busy_share_of_a_cluster_is_that_of_the_simulation():
    *_, last = rows_of("cluster.md")

    assert f"the workers were busy for {float(last[2]):.0%} of the time".replace(
        "%", " %"
    ) in (words_of("speed"))


def test_examples_of_clusters_have_the_settings_that_the_page_recommends(repository):
    names = re.findall(
        r"DASK_DISTRIBUTED__\w+", (repository / "docs/speed.md").read_text()
    )

    for example in ("Dockerfile", "jobqueue.yaml", "ssh.sh"):
        text = (repository / "examples" / "cluster" / example).read_text()
        assert names
        assert all(name in text for name in names), example


def test_the_numbers_of_parameters_are_those_of_the_reference_run():
    table = (REFERENCE / "all/table.md").read_text()

    assert "| lstm | 12,746 |" in table
    assert "So its LSTM has 12,746 parameters" in words_of("notebook")


def test_contributors_are_led_to_files_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    places = text.split("## Where things are")[1].split("The notebooks in")[0]
    rows = [line for line in places.splitlines() if line.startswith("| `")]
    folders = [ROOT / "rnnbench", *(ROOT / "rnnbench").iterdir()]
    paths = {
        path for row in rows for path in re.findall(r"`([\w/]+(?:\.py|\.pyi|/))`", row)
    }

    assert len(rows) > 15
    assert {
        path
        for path in paths
        if not any((folder / path).exists() for folder in folders)
    } == set()
    layer = text.split("## Add a layer")[1].split("An entry point has")[0]
    assert {
        path
        for path in re.findall(r"`(\w+/[\w/]*(?:\.py|\.json|/))`", layer)
        if not any((folder / path).exists() for folder in (ROOT, ROOT / "rnnbench"))
    } == set()
