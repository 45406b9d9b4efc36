"""Fetching from outside, against servers of the test's own on the loopback."""

import hashlib
import http.server
import os
import random
import threading
import time
import urllib.request
import zipfile
from contextlib import contextmanager

import pytest

from rnnbench.data import fetch
from rnnbench.errors import OutOfReachError

CONTENT = bytes(range(256)) * 1_000
WHEEL = "madeup-1.0-py3-none-any.whl"


class Handler(http.server.BaseHTTPRequestHandler):
    """Each path is a way in which a server can behave."""

    def do_GET(self):
        behaviour = self.path.strip("/").split("/")[0]
        getattr(self, behaviour.replace("-", "_"), self.missing)()

    do_HEAD = do_GET  # noqa: N815

    def whole(self):
        self.start(len(CONTENT))
        self.wfile.write(CONTENT)

    def without_a_length(self):
        self.start(None)
        self.wfile.write(CONTENT)

    def missing(self):
        self.send_error(404)

    def broken_off(self):
        self.start(len(CONTENT))
        self.wfile.write(CONTENT[:1000])

    def silent(self):
        self.server.is_over.wait()

    def silent_halfway(self):
        self.start(len(CONTENT))
        self.wfile.write(CONTENT[:1000])
        self.wfile.flush()
        self.server.is_over.wait()

    def dribbling(self):
        self.send_response(200)
        while not self.server.is_over.wait(0.1):
            self.send_header("X-Patience", "please")
            self.flush_headers()

    def endless(self):
        self.start(None)
        while not self.server.is_over.is_set():
            self.wfile.write(bytes(1 << 16))

    def simple(self):
        """An index of packages: a page with links to the files of one package."""
        wheels = self.server.folder.glob("*.whl")
        page = "".join(f'<a href="/files/{w.name}">{w.name}</a>' for w in wheels).encode()
        self.start(len(page), "text/html")
        self.wfile.write(page)

    def files(self):
        content = (self.server.folder / self.path.split("/")[-1]).read_bytes()
        self.start(len(content))
        self.wfile.write(content[:1000])
        self.wfile.flush()
        if self.server.files_stall:
            self.server.is_over.wait()
        self.wfile.write(content[1000:])

    def start(self, length, kind="application/octet-stream"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_):
        """Keep quiet."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.files_stall = False
        self.is_over = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_):
        """The client may well have hung up."""


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    with Server(folder) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.is_over.set()
        server.shutdown()


@pytest.fixture(autouse=True)
def straight_to_the_loopback(monkeypatch):
    """Keep the machine's proxies out."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)


@pytest.fixture
def pip_index(server, monkeypatch):
    """Let pip know no other index than that of the server, and no cache."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
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


@pytest.fixture
def reported():
    """A list of progress reports, which can be called with one."""
    return Reports()


class Reports(list):
    def __call__(self, *report):
        self.append(report)


@contextmanager
def within(seconds):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def test_a_whole_file_is_fetched(server):
    assert fetch.get(f"{server.url}/whole") == CONTENT


def test_a_file_of_unknown_length_is_fetched(server, reported):
    assert fetch.get(f"{server.url}/without-a-length", reported) == CONTENT
    assert {total for _, _, total in reported} == {None}


def test_progress_goes_up_to_the_length_of_the_file(server, reported):
    url = f"{server.url}/whole"

    fetch.get(url, reported)

    done = [done for _, done, _ in reported]
    assert done == sorted(done)
    assert reported[-1] == (f"downloading {url}", len(CONTENT), len(CONTENT))


def test_a_missing_file_is_out_of_reach(server):
    with pytest.raises(OutOfReachError, match=r"^127\.0\.0\.1: Not Found$"):
        fetch.get(f"{server.url}/missing")


def test_a_file_that_breaks_off_is_out_of_reach(server):
    with pytest.raises(OutOfReachError, match=r"broke off after 1,000 of 256,000 bytes"):
        fetch.get(f"{server.url}/broken-off")


@pytest.mark.parametrize("path", ["silent", "silent-halfway", "dribbling"])
def test_a_server_that_does_not_come_to_the_point_is_given_up(server, path, monkeypatch):
    monkeypatch.setattr(fetch, "STALL", 0.5)
    with within(3), pytest.raises(OutOfReachError, match=r"^127\.0\.0\.1: \S"):
        fetch.get(f"{server.url}/{path}", patience=0.5)


def test_an_endless_answer_is_broken_off(server, monkeypatch, reported):
    monkeypatch.setattr(fetch, "MAX_BYTES", 1_000_000)

    with within(5), pytest.raises(OutOfReachError, match="it sends more than 1,000,000 bytes"):
        fetch.get(f"{server.url}/endless", reported)

    assert 1_000_000 < reported[-1][1] < 1_100_000


def test_a_closed_port_is_out_of_reach(closed_port):
    with pytest.raises(OutOfReachError, match="Connection refused"):
        fetch.get(f"http://{closed_port}/")


def test_a_host_whose_name_leads_nowhere_is_out_of_reach():
    with within(3), pytest.raises(OutOfReachError, match=r"^nowhere\.invalid: \S"):
        fetch.get("http://nowhere.invalid/", patience=1)


def test_a_host_that_answers_is_in_reach(server):
    fetch.check_reach(f"{server.url}/whole")


@pytest.mark.parametrize("path", ["missing", "silent"])
def test_a_host_that_does_not_answer_or_not_well_is_out_of_reach(server, path):
    with within(3), pytest.raises(OutOfReachError, match=r"^127\.0\.0\.1: "):
        fetch.check_reach(f"{server.url}/{path}", patience=0.5)


def test_pip_brings_a_wheel_that_lasts_as_long_as_the_block(pip_index, server):
    with fetch.pip_download("madeup==1.0", pip_index) as wheel:
        assert wheel.name == WHEEL
        assert wheel.read_bytes() == (server.folder / WHEEL).read_bytes()

    assert not wheel.parent.exists()


def test_pips_progress_is_reported(pip_index, reported):
    with fetch.pip_download("madeup==1.0", pip_index, reported) as wheel:
        size = wheel.stat().st_size

    assert reported[-1] == ("downloading madeup==1.0 through pip", size, size)


@pytest.mark.usefixtures("pip_index")
def test_a_wheel_with_another_hash_is_not_brought():
    with (
        pytest.raises(OutOfReachError, match=r"madeup==1\.0 through pip: .*HASH"),
        fetch.pip_download("madeup==1.0", "0" * 64),
    ):
        pass


def test_an_index_without_the_wheel_is_out_of_reach(pip_index, monkeypatch, server):
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/missing")

    with (
        within(12),
        pytest.raises(OutOfReachError, match=r"No matching distribution found for madeup==1\.0"),
        fetch.pip_download("madeup==1.0", pip_index),
    ):
        pass


def test_an_index_that_never_answers_is_given_up(pip_index, monkeypatch, server):
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/silent")
    monkeypatch.setattr(fetch, "PATIENCE", 2.0)

    with (
        within(5),
        pytest.raises(OutOfReachError, match=r"madeup==1\.0 through pip: no answer in 2 s"),
        fetch.pip_download("madeup==1.0", pip_index),
    ):
        pass


def test_a_wheel_that_stops_coming_is_given_up(pip_index, monkeypatch, server):
    server.files_stall = True
    monkeypatch.setattr(fetch, "STALL", 1.0)

    with (
        within(12),
        pytest.raises(OutOfReachError, match="no answer in 1 s"),
        fetch.pip_download("madeup==1.0", pip_index),
    ):
        pass


def test_a_download_of_kerass_that_fails_is_out_of_reach(monkeypatch, tmp_path, closed_port):
    monkeypatch.setenv("https_proxy", f"http://{closed_port}")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    with pytest.raises(OutOfReachError, match=r"the Reuters set through Keras: .*storage\.goog"):
        fetch.keras_download(tmp_path / "datasets")
