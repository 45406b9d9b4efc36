"""The folder of a site: safe names, and nothing of others is touched."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rnnbench.errors import UserError
from rnnbench.results.lock import lock_folder
from rnnbench.storage import write_document, write_text
from rnnbench.website.folder import NAME, SITE, Site, files_in, folders_of, open_site

OLD, NEW = "runs/old/report.html", "runs/new/report.html"


def write_site(folder, *files, fails_at=None):
    """Write a site of these files, each with its own name in it, or only those before one."""
    with open_site(folder, Site(files=list(files), reports={}), "rnnbench site"):
        for file in files:
            if file == fails_at:
                raise KeyboardInterrupt
            write_text(folder / file, file)


def content(folder):
    """The files in a folder but for hidden ones and the list of the site."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {
        file.relative_to(folder).as_posix(): file.read_text()
        for file in files
        if not file.name.startswith(".") and file.name != SITE
    }


@pytest.fixture
def folder(tmp_path):
    """The folder of a site with a report, which the next site in it does not have."""
    write_site(tmp_path / "site", "index.html", "history.html", OLD)
    return tmp_path / "site"


@given(st.lists(st.text(max_size=100) | st.text("aA-/é", max_size=3), max_size=8, unique=True))
def test_every_run_has_a_safe_folder_of_its_own(names):
    folders = folders_of(names)

    assert list(folders) == names
    assert len({folder.casefold() for folder in folders.values()}) == len(names)
    for folder in folders.values():
        assert re.fullmatch(f"runs/{NAME}", folder)
        assert len(folder) < 100
        assert Site(files=[f"{folder}/report.html"], reports={})


def test_a_plain_name_is_kept_and_another_made_plain():
    names = ["all", "r8.v2", "old/all", "old all", "ALL", "../x", ".hidden", "été", "_"]

    assert list(folders_of(names).values()) == [
        f"runs/{folder}"
        for folder in ("all", "r8.v2", "old-all", "old-all-2", "ALL-2", "x", "hidden", "t", "run")
    ]


@pytest.mark.parametrize(
    "file",
    [
        "../index.html",
        "/etc/passwd",
        "runs/../index.html",
        "runs/../../x/report.html",
        "runs/a/b/report.html",
        "runs/a/report.html\n",
        "runs/.git/config.yaml",
        "indexxhtml",
        "notes.txt",
        "site.json",
    ],
)
def test_no_site_has_files_elsewhere_or_of_other_names(file):
    with pytest.raises(ValidationError):
        Site(files=[file], reports={})


def test_the_next_site_replaces_the_last_one(folder):
    write_site(folder, "index.html", NEW)

    assert content(folder) == {"index.html": "index.html", NEW: NEW}
    assert not (folder / "runs/old").exists()
    assert files_in(folder) == {"index.html", NEW}


def test_what_is_not_of_the_site_stays(folder):
    others = ("CNAME", ".nojekyll", ".git/HEAD", "runs/old/notes.txt", "runs/mine/report.html")
    for other in others:
        write_text(folder / other, "mine")

    write_site(folder, "index.html", NEW)

    assert all((folder / other).read_text() == "mine" for other in others)
    assert not (folder / OLD).exists()


def test_a_folder_in_the_place_of_a_page_is_named(folder):
    (folder / OLD).unlink()
    (folder / OLD).mkdir()

    with pytest.raises(UserError, match=f"{OLD}: cannot be written: Is a directory"):
        write_site(folder, "index.html")


def test_hidden_files_do_not_make_a_folder_somebody_elses(tmp_path):
    write_text(tmp_path / ".git/HEAD", "mine")

    write_site(tmp_path, "index.html")

    assert content(tmp_path)["index.html"] == "index.html"


def refused(folder, message):
    """Whether a site is refused with a message, and nothing is written."""
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    with pytest.raises(UserError, match=message):
        write_site(folder, "index.html", NEW)
    after = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return after == before


def test_a_folder_that_holds_other_things_is_refused(tmp_path):
    for name in ("results.json", "config.yaml"):
        write_text(tmp_path / name, "mine")

    assert refused(
        tmp_path,
        r"holds something other than a site: config\.yaml, results\.json \(use --out to name a new",
    )


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    write_text(tmp_path / "site", "mine")

    with pytest.raises(UserError, match="is not a folder"):
        write_site(tmp_path / "site", "index.html")


def test_a_file_of_somebody_else_in_the_place_of_a_page_is_not_replaced(folder):
    write_text(folder / NEW, "mine")

    with pytest.raises(
        UserError, match=rf"{NEW}: is not a file of the site \(move it away, or use --out"
    ):
        write_site(folder, "index.html", NEW)

    assert (folder / NEW).read_text() == "mine"
    assert (folder / OLD).exists()


def test_a_link_to_nothing_in_the_place_of_a_page_is_not_replaced(folder):
    (folder / "leaderboard.html").symlink_to("nowhere")

    with pytest.raises(UserError, match=r"leaderboard\.html: is not a file of the site"):
        write_site(folder, "index.html", "leaderboard.html")

    assert (folder / "leaderboard.html").is_symlink()


@pytest.mark.parametrize("place", ["runs", "runs/old"])
def test_no_link_leads_out_of_the_folder(folder, tmp_path, place):
    elsewhere = tmp_path / "elsewhere"
    (folder / place).rename(elsewhere)
    (folder / place).symlink_to(elsewhere)

    with pytest.raises(UserError, match=f"{place}: is a link"):
        write_site(folder, "index.html")

    assert [file.name for file in elsewhere.rglob("*.html")] == ["report.html"]


def test_a_forged_list_of_files_removes_nothing(folder, tmp_path):
    write_text(tmp_path / "victim", "mine")
    forged = Site.model_construct(files=["../victim"], reports={}, schema_version=1)
    write_document(folder / SITE, forged)

    with pytest.raises(UserError, match=r"site\.json: it is not as.*or remove this one\)"):
        write_site(folder, "index.html")

    assert (tmp_path / "victim").exists()


def test_a_changed_list_of_files_is_not_trusted(folder):
    text = (folder / SITE).read_text()
    (folder / SITE).write_text(text.replace("history", "leaderboard"))

    with pytest.raises(UserError, match="it is not as rnnbench wrote it"):
        write_site(folder, "index.html")


@pytest.mark.parametrize("text", ["{}", '{"schema_version": 2, "checksum": ""}'])
def test_a_list_of_another_program_or_version_is_left_alone(folder, text):
    (folder / SITE).write_text(text)

    assert refused(folder, rf"{SITE}: another version of rnnbench wrote it, or another program \(")


def test_what_an_interrupted_site_wrote_belongs_to_the_site(folder):
    with pytest.raises(KeyboardInterrupt):
        write_site(folder, NEW, "index.html", fails_at="index.html")
    assert {OLD, NEW, "history.html"} <= content(folder).keys(), "every link has its page"

    write_site(folder, "index.html")

    assert content(folder) == {"index.html": "index.html"}


def test_two_processes_do_not_write_into_one_folder(folder):
    with (
        lock_folder(folder, "rnnbench site others", SITE),
        pytest.raises(UserError, match="another process is writing there"),
    ):
        write_site(folder, "index.html")


def test_files_that_a_killed_process_left_are_removed(folder):
    left = Path(folder / OLD).parent / ".rnnbench-x.tmp"
    left.touch()

    write_site(folder, "index.html", OLD)

    assert not left.exists()
