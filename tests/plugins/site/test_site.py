"""``rnnbench site``, and its folder, in which nothing of others is touched."""

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from elements import Elements
from factories import run_folder, runs_on_datasets, scored_run, write_run
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from pydantic import ValidationError
from typer.testing import CliRunner

from rnnbench.analysis.errors import DocumentText
from rnnbench.analysis.summary import load_run
from rnnbench.cli.app import app
from rnnbench.data.summary import TopicCount
from rnnbench.errors import UserError
from rnnbench.plugins.site.folder import (
    NAME,
    SiteFiles,
    files_in,
    folders_of,
    open_site,
)
from rnnbench.report.page import render, report_page
from rnnbench.results.schema import MissingTrial
from rnnbench.results.store import SITE
from rnnbench.storage import write_document, write_text

HOSTILE = "<script>alert(1)</script>"
ODD = '<b>"it\'s" & $x$\x1b[31m é'
"""The name of a folder."""
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')
PAGES = ["index.html", "leaderboard.html", "history.html"]
SECRETS = [DocumentText(["secret", "words"])] * 20
WORDS = "rnnbench.prediction.report.texts_of_test_documents", lambda _: SECRETS
"""Stands for the cache, which has the words of every document."""


def write_runs(folder):
    """Three runs of one config, on two days, and one on other documents, with hostile
    names.
    """
    counts = {HOSTILE: (9, 20), "acq": (1, 0), "grain": (1, 0)}
    topics = [
        TopicCount(topic=topic, train=n, test=m) for topic, (n, m) in counts.items()
    ]
    dataset = {
        "source": f"{HOSTILE}source",
        "topics": topics,
        "majority_topic": HOSTILE,
    }
    for name, day, rights in (
        ("nightly/1", 1, {"rnn": [18, 18, 17], "svm": [9]}),
        ("nightly/2", 2, {"rnn": [3, 2, 3], "svm": [9]}),
        (ODD, 3, {"rnn": [3, 2, 3], "svm": [10]}),
    ):
        environment = {
            "date": f"2026-11-0{day}T10:20:30Z",
            "git_commit": f"<i>{day}",
            "cpu": HOSTILE,
        }
        write_run(
            scored_run(
                rights,
                folder=str(folder / name),
                environment=environment,
                dataset=dataset,
            )
        )
    (other,) = runs_on_datasets({"r8": {"rnn": [9], "svm": [12]}}, folder=str(folder))
    missing = [MissingTrial(model="rnn", seed=1, error=None)]
    write_run(
        replace(other, results=other.results.model_copy(update={"missing": missing}))
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The working folder of a site in ``public``, and what the command has printed."""
    folder = tmp_path_factory.mktemp("made")
    write_runs(folder / "results")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(*WORDS)
        runs = [
            *sorted(folder.glob("results/nightly/*")),
            f"results/{ODD}",
            "results/r8",
        ]
        command = ["site", *map(str, runs), "--out", "public", "--json"]
        done = CliRunner().invoke(
            app, [*command, "--metric", "accuracy", "--metric", "macro_f1"]
        )
    assert done.exit_code == 0, done.stderr
    return folder, done


@pytest.fixture(scope="module")
def pages(made):
    """The HTML of each page, by its place in the folder of the site."""
    folder = made[0] / "public"
    return {
        file.relative_to(folder).as_posix(): file.read_text()
        for file in folder.rglob("*.html")
    }


def text_of(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_json_says_what_was_written(made, pages):
    folder, done = made

    record = json.loads(done.stdout)

    assert (record["schema_version"], record["folder"]) == (1, "public")
    public = folder / "public"
    hidden = {".lock", "site.json"}
    written = {
        file for file in public.rglob("*") if file.is_file() and file.name not in hidden
    }
    assert {public / file for file in record["files"]} == written
    names = ("1", "2", "b-it-s-x-31m", "r8")
    assert list(record["reports"].values()) == [
        f"runs/{name}/report.html" for name in names
    ]
    assert {*PAGES, *record["reports"].values()} == pages.keys()
    lines = [line for line in done.stderr.splitlines() if line.startswith("report ")]
    assert (lines[0], lines[3]) == ("report 1 of 4: 1", "report 4 of 4: r8")


def test_pages_load_nothing(pages):
    policy = POLICY.findall(pages["runs/r8/report.html"])
    assert len(policy) == 1
    for page in pages.values():
        elements = Elements(page)
        assert (POLICY.findall(page), page.count("<script")) == (policy, 1)
        assert all(address.startswith("#") for address in elements.loaded)
        assert {*elements.addresses} <= {"xmlns", "xmlns:xlink"}
        assert len(elements.ids) == len({*elements.ids})


def test_pages_link_only_to_places_of_the_site(made, pages):
    folder = made[0] / "public"
    parsed = {
        file: Elements(page) for file, page in pages.items()
    }  # asserts that tags are closed
    for file, elements in parsed.items():
        for link in [*elements.links, *elements.others]:
            place, anchor = urldefrag(link)
            assert not re.match(r"/|[a-z]+:", link)
            target = (folder / file).parent / unquote(place) if place else folder / file
            other = target.resolve().relative_to(folder.resolve()).as_posix()
            assert other in parsed
            assert not anchor or anchor in parsed[other].ids


def test_every_page_leads_to_every_other(pages):
    reports = [file for file in pages if file.startswith("runs/")]
    assert all(f'<a href="{report}">' in pages["index.html"] for report in reports)
    for report in reports:
        assert [f"../../{page}" for page in PAGES] == Elements(pages[report]).links[:3]
        assert ' aria-current="' not in pages[report]
        for page in PAGES[1:]:
            assert (f'href="{report}"' in pages[page]) == (
                "r8" not in report or "board" in page
            )
    for page in PAGES:
        assert f'<a href="{page}" aria-current="page">' in pages[page]


def test_the_index_lists_the_runs_the_newest_first(pages):
    rows = re.findall(r"<tr>.*?</tr>", pages["index.html"], re.DOTALL)[1:]

    texts = [text_of(row) for row in rows]
    documents = f"{escape(HOSTILE)}source, 20 test documents"
    facts = f" {documents} 2026-11-01 10:20 &lt;i&gt;1 {escape(HOSTILE)} 0.8833 ± "
    assert texts[2].startswith("1 rnn leads with a test accuracy of 0.883 (95 %")
    assert facts in texts[2]
    assert texts[1].startswith("2 ")
    assert texts[3].startswith("r8 svm ")
    assert "(partial run) r8, 20 test documents - 000000000000 none 0.6000" in texts[3]


def test_a_report_is_that_of_rnnbench_report(made, pages):
    run = load_run(made[0] / "results/nightly/1")
    alone = render(report_page(run, None, 0, 20))

    within = re.sub(
        r'<nav aria-label="Pages">.*?</nav>\n', "", pages["runs/1/report.html"]
    )

    assert within == alone
    beside = made[0] / "public/runs/1"
    copied = ["config.yaml", "constraints.txt"]
    assert sorted(file.name for file in beside.iterdir()) == [*copied, "report.html"]
    for name in copied:
        assert (beside / name).read_text() == (run.folder / name).read_text()


def test_the_history_names_clear_changes(pages):
    page = pages["history.html"]

    assert page.count("<svg") == 4, "two models, two metrics"
    assert "clearly down" in page
    assert "the accuracy of rnn clearly went down in 2, by 0.7500." in page
    assert "test accuracy of rnn in 3 runs: 0.8833" in page
    assert "rnn down" in text_of(page)


def test_texts_from_outside_are_escaped(pages):
    for page in pages.values():
        assert not [text for text in (HOSTILE, "<i>", "<b>", "\x1b") if text in page]
    assert "&lt;b&gt;&#34;it&#39;s&#34; &amp; $x$" in pages["index.html"]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two small runs on different documents in the working folder."""
    monkeypatch.chdir(tmp_path)
    for run in runs_on_datasets(
        {"r8": {"svm": [9]}, "r52": {"rnn": [9]}}, folder="results"
    ):
        write_run(run)


@pytest.mark.usefixtures("runs", "one_plot")
def test_parts_without_content_are_left_out(cli):
    done = cli("site", "results/r8", "results/r52", "results/../results/r8", "--quiet")

    assert (done.exit_code, done.stderr, done.stdout) == (0, "", "site/index.html\n")
    assert not Path("site/history.html").exists()
    assert "History" not in Path("site/index.html").read_text()
    assert "Mean ranks" not in Path("site/leaderboard.html").read_text()
    assert sorted(file.name for file in Path("site/runs").iterdir()) == ["r52", "r8"]


@pytest.mark.usefixtures("runs", "one_plot")
def test_a_folder_without_a_run_is_left_out(cli):
    again = cli("site", "results/r8", "results", "--quiet")

    assert again.exit_code == 0
    assert again.stderr == "results: no finished run, left out\n"
    assert [file.name for file in Path("site/runs").iterdir()] == ["r8"]


@pytest.mark.usefixtures("runs", "one_plot")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["results/r8", "nowhere"], "nowhere: no results.json in it"),
        (
            ["results/r8", "--metric", "acuracy"],
            "--metric: no metric 'acuracy' (allowed: accuracy",
        ),
        (
            ["results/r8", "--out", "results"],
            "results: holds something other than a site: r52, r8",
        ),
        (
            ["results/r8", "--out", "results/r8"],
            "(use --out to name a new or empty folder",
        ),
    ],
)
def test_wrong_input_ends_with_2_before_anything_is_written(cli, arguments, message):
    before = sorted(Path().rglob("*"))

    done = cli("site", *arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert sorted(Path().rglob("*")) == before


@pytest.mark.usefixtures("one_plot")
def test_words_are_shown_only_if_they_are_asked_for(pages, cli, tmp_path, monkeypatch):
    monkeypatch.setattr(*WORDS)
    private = tmp_path / "private"
    out = tmp_path / "site"
    private.write_text("secret")
    run = run_folder(tmp_path / "run", {"rnn": [(1, 1, 0, 0)]})
    (run / "constraints.txt").unlink()
    (run / "constraints.txt").symlink_to(private)

    assert cli("site", run, "--out", out, "--words", 1).exit_code == 0

    assert "secret …" in (out / "runs/run/report.html").read_text()
    assert not any("secret" in page for page in pages.values())
    assert "secret" not in (out / "runs/run/constraints.txt").read_text()


# The folder

OLD = "runs/old/report.html"
NEW = "runs/new/report.html"


def write_files(folder, *files, fails_at=None):
    """Write a site of these files, each with its own name in it, or only those before
    one.
    """
    with open_site(folder, SiteFiles(files=list(files), reports={}), "rnnbench site"):
        for file in files:
            if file == fails_at:
                raise KeyboardInterrupt
            write_text(folder / file, file)


def content(folder):
    """The files in a folder, but not the list of the site and what is locked."""
    files = (file for file in folder.rglob("*") if file.is_file())
    texts = {file.relative_to(folder).as_posix(): file.read_text() for file in files}
    return {name: text for name, text in texts.items() if name not in (SITE, ".lock")}


@pytest.fixture
def folder(tmp_path):
    """The folder of a site with a report, which the next site in it does not have."""
    write_text(
        tmp_path / "site/.git/HEAD", "mine"
    )  # hidden files do not make it somebody else's
    write_files(tmp_path / "site", "index.html", "history.html", OLD)
    return tmp_path / "site"


@given(
    st.lists(
        st.text(max_size=100) | st.text("aA-/é", max_size=3), max_size=8, unique=True
    )
)
def test_every_run_has_a_safe_folder_of_its_own(names):
    folders = folders_of(names)

    assert list(folders) == names
    assert len({folder.casefold() for folder in folders.values()}) == len(names)
    for folder in folders.values():
        assert re.fullmatch(f"runs/{NAME}", folder)
        assert len(folder) < 100
        assert SiteFiles(files=[f"{folder}/report.html"], reports={})


def test_a_name_is_made_plain():
    names = ["all", "r8.v2", "old/all", "old all", "ALL", "../x", ".hidden", "été", "_"]
    plain = ["all", "r8.v2", "old-all", "old-all-2", "ALL-2", "x", "hidden", "t", "run"]

    assert list(folders_of(names).values()) == [f"runs/{folder}" for folder in plain]


def test_no_site_has_files_elsewhere_or_of_other_names():
    for file in (
        *(
            "../index.html",
            "/etc/passwd",
            "runs/../index.html",
            "runs/../../x/report.html",
        ),
        *("runs/a/b/report.html", "runs/a/report.html\n", "runs/.git/config.yaml"),
        *("indexxhtml", "notes.txt", "site.json"),
    ):
        with pytest.raises(ValidationError):
            SiteFiles(files=[file], reports={})


def test_the_next_site_replaces_only_the_last_one(folder):
    others = ("CNAME", ".nojekyll", "runs/mine/report.html")
    left = folder / "runs/old/.rnnbench-x.tmp"
    for other in others:
        write_text(folder / other, "mine")
    left.touch()

    write_files(folder, "index.html", NEW)

    kept = dict.fromkeys((".git/HEAD", *others), "mine")
    assert content(folder) == {"index.html": "index.html", NEW: NEW, **kept}
    assert not (folder / "runs/old").exists()
    assert files_in(folder) == {"index.html", NEW}


def forged_list(folder):
    forged = SiteFiles.model_construct(
        files=["../victim"], reports={}, schema_version=1
    )
    write_text(folder.parent / "victim", "mine")
    write_document(folder / SITE, forged)


def changed_list(folder):
    text = (folder / SITE).read_text()
    (folder / SITE).write_text(text.replace("history", "leaderboard"))


OTHER = r"site\.json: is not as this version of rnnbench writes it \(use --out"


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: write_text(folder / NEW, "mine"),
         rf"{NEW}: is not a file of the site \(move it away, or use --out"),
        (lambda folder: (folder / "leaderboard.html").symlink_to("nowhere"),
         r"leaderboard\.html: is not a file of the site"),
        (forged_list, OTHER),
        (changed_list, OTHER),
        (lambda folder: (folder / SITE).write_text("{}"), OTHER),
        (lambda folder: (folder / SITE).write_text('{"schema_version": 2, "checksum": ""}'), OTHER),
        (lambda folder: (folder / SITE).unlink(),
         r"holds something other than a site: history\.html, index\.html, runs \(use --out to"),
    ],
)  # fmt: skip
def test_what_is_not_of_the_site_is_refused(folder, prepare, message):
    prepare(folder)
    before = content(folder.parent)

    with pytest.raises(UserError, match=message):
        write_files(folder, "index.html", "leaderboard.html", NEW)

    assert content(folder.parent) == before


@pytest.mark.parametrize("place", ["runs", "runs/old"])
def test_no_link_leads_out_of_the_folder(folder, tmp_path, place):
    elsewhere = tmp_path / "elsewhere"
    (folder / place).rename(elsewhere)
    (folder / place).symlink_to(elsewhere)

    with pytest.raises(UserError, match=f"{place}: is a link"):
        write_files(folder, "index.html")

    assert [file.name for file in elsewhere.rglob("*.html")] == ["report.html"]


def test_what_an_interrupted_site_wrote_belongs_to_the_site(folder):
    with pytest.raises(KeyboardInterrupt):
        write_files(folder, NEW, "index.html", fails_at="index.html")
    assert {OLD, NEW, "history.html"} <= content(folder).keys(), (
        "every link has its page"
    )
    with pytest.raises(UserError, match=r"index\.html: is not a folder"):
        write_files(folder / "index.html", "index.html")

    write_files(folder, "index.html")

    assert content(folder) == {".git/HEAD": "mine", "index.html": "index.html"}
