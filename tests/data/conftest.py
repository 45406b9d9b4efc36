"""Fixtures for tests of data: servers on the loopback."""

import http.server
import os
import threading
import urllib.request

import pytest

CONTENT = bytes(range(256)) * 1_000


@pytest.fixture
def no_settings(monkeypatch):
    """Hides the machine's proxies and pip settings."""
    for name in os.environ:
        if name.startswith("PIP_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(
        urllib.request, "_opener", None
    )  # it has read the proxies already


@pytest.fixture
def server(tmp_path, no_settings):  # noqa: ARG001
    """A server on the loopback; each path of ``Handler`` behaves differently."""
    folder = tmp_path / "served"
    folder.mkdir()
    with Server(folder) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.is_over.set()
        server.shutdown()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.is_over = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_):
        """The client may well have hung up."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        lengths = {"whole": -1, "without-a-length": None, "too-short": len(CONTENT) - 1}
        match self.path.strip("/").split("/"):
            case [name] if name in lengths:
                self.send(CONTENT, length=lengths[name])
            case ["broken-off"]:
                self.send(CONTENT[:1000], length=len(CONTENT))
            case ["silent"]:
                self.server.is_over.wait()
            case ["drop-by-drop" | "index-drop-by-drop" as name, *_]:
                kind = (
                    "text/html"
                    if name.startswith("index")
                    else "application/octet-stream"
                )
                self.send(b"", length=len(CONTENT), kind=kind)
                while not self.server.is_over.wait(0.05):
                    self.wfile.write(b"x")
            case ["dribbling"]:
                self.send_response(200)
                while not self.server.is_over.wait(0.1):
                    self.send_header("X-Patience", "please")
                    self.flush_headers()
            case ["endless"]:
                self.send(b"", length=None)
                while not self.server.is_over.is_set():
                    self.wfile.write(bytes(1 << 16))
            case [
                "simple",
                *_,
            ]:  # a package index: a page with links to the files of one package
                names = [wheel.name for wheel in self.server.folder.glob("*.whl")]
                page = "".join(f'<a href="/files/{name}">{name}</a>' for name in names)
                self.send(page.encode(), kind="text/html")
            case ["files", name] if (self.server.folder / name).is_file():
                self.send((self.server.folder / name).read_bytes())
            case _:
                self.send_error(404)

    def send(self, content, *, length=-1, kind="application/octet-stream"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header(
                "Content-Length", str(len(content) if length < 0 else length)
            )
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *_):
        """Keep quiet."""
