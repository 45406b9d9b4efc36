"""Downloads from servers on the loopback."""

import hashlib
import random
import resource
import time
import zipfile
from contextlib import contextmanager

import pytest

from rnnbench.data import fetch
from rnnbench.errors import OutOfReachError
from rnnbench.storage import UnwritableError

CONTENT = bytes(range(256)) * 1_000
WHEEL = "madeup-1.0-py3-none-any.whl"


@pytest.fixture
def pip_index(server, monkeypatch):
    """Makes pip use the index of the server, and no cache; returns the hash of the wheel there."""
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    wheel = server.folder / WHEEL
    padding = random.Random(0).randbytes(600_000)  # pip shows the progress of large files only
    with zipfile.ZipFile(wheel, "w") as archive:
        info = "madeup-1.0.dist-info"
        archive.writestr("madeup.bin", padding)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: madeup\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


@contextmanager
def within(seconds):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def refuses_pip_download(sha256, reason):
    with (
        within(20),
        pytest.raises(OutOfReachError, match=f"madeup==1.0 through pip: .*{reason}"),
        fetch.pip_download("madeup==1.0", sha256),
    ):
        pass


@pytest.mark.parametrize(("path", "total"), [("whole", len(CONTENT)), ("without-a-length", None)])
def test_a_file_is_fetched_with_progress_up_to_its_length(server, path, total):
    url, reports = f"{server.url}/{path}", []

    assert fetch.get(url, lambda *report: reports.append(report)) == CONTENT

    done = [done for _, done, _ in reports]
    assert done == sorted(done)
    assert reports[-1] == (f"downloading {url}", len(CONTENT), total)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing", "Not Found$"),
        ("broken-off", "it broke off after 1,000 of 256,000 bytes$"),
        ("silent", r"(no answer in 0 s|timed out)$"),
        ("silent-halfway", r"\S"),
        ("dribbling", r"\S"),
        ("drop-by-drop", r"it sends \d+ bytes per second$"),
        ("round-and-round", r"\S"),
        ("out-of-order", "Service Unavailable$"),
    ],
)
def test_a_server_that_does_not_send_the_whole_file_is_out_of_reach(
    server, path, reason, monkeypatch
):
    monkeypatch.setattr(fetch, "PATIENCE", 0.5)
    with within(3), pytest.raises(OutOfReachError, match=rf"^127\.0\.0\.1: {reason}"):
        fetch.get(f"{server.url}/{path}", patience=0.5)


def test_a_server_that_announces_less_than_it_sends_gives_another_file(server):
    assert fetch.get(f"{server.url}/too-short") == CONTENT[:-1]  # its hash is checked later


def test_an_endless_answer_is_cut_short(server, monkeypatch):
    monkeypatch.setattr(fetch, "MAX_BYTES", 1_000_000)
    reports = []

    with within(5), pytest.raises(OutOfReachError, match="it sends more than 1,000,000 bytes"):
        fetch.get(f"{server.url}/endless", lambda *report: reports.append(report))

    assert 1_000_000 < reports[-1][1] < 1_100_000


@pytest.mark.usefixtures("no_settings")
def test_a_closed_port_is_out_of_reach(closed_port):
    with pytest.raises(OutOfReachError, match="Connection refused"):
        fetch.get(f"http://{closed_port}/")


@pytest.mark.usefixtures("no_settings")
def test_an_unknown_host_is_out_of_reach():
    with within(3), pytest.raises(OutOfReachError, match=r"^nowhere\.invalid: \S"):
        fetch.get("http://nowhere.invalid/", patience=1)


def test_pip_downloads_a_wheel_that_exists_until_the_block_ends(pip_index, server):
    reports = []

    with fetch.pip_download("madeup==1.0", pip_index, lambda *each: reports.append(each)) as wheel:
        assert wheel.name == WHEEL
        assert wheel.read_bytes() == (server.folder / WHEEL).read_bytes()
        size = wheel.stat().st_size

    assert not wheel.parent.exists()
    assert reports[-1] == ("downloading madeup==1.0 through pip", size, size)


@pytest.mark.usefixtures("pip_index")
def test_a_wheel_with_another_hash_is_refused():
    refuses_pip_download("0" * 64, "HASH")


@pytest.mark.parametrize("path", ["missing", "silent", "out-of-order"])
def test_an_index_without_the_wheel_is_out_of_reach(pip_index, path, monkeypatch, server):
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/{path}")
    monkeypatch.setattr(fetch, "PATIENCE", 0.5)

    refuses_pip_download(pip_index, "No matching distribution found for madeup==1.0")


def test_an_index_that_sends_a_byte_now_and_then_is_given_up(pip_index, monkeypatch, server):
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/index-drop-by-drop")
    monkeypatch.setattr(fetch, "LONGEST", 3.0)

    refuses_pip_download(pip_index, "it took more than 3 s$")


def test_a_temporary_folder_without_room_is_named(pip_index):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with (
            pytest.raises(UnwritableError, match=r"requirements\.txt: cannot be written: "),
            fetch.pip_download("madeup==1.0", pip_index),
        ):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_wheel_that_stops_coming_is_out_of_reach(pip_index, monkeypatch, server):
    server.files_stall = True
    monkeypatch.setattr(fetch, "PATIENCE", 0.5)

    refuses_pip_download(pip_index, "")
