"""Downloads from servers on the loopback, and archives that are read or refused."""

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import tarfile
import time
import tracemalloc
import zipfile
from contextlib import contextmanager, suppress
from functools import partial

import pytest
from data.conftest import CONTENT

from rnnbench.data import fetch
from rnnbench.data.fetch import read_members
from rnnbench.errors import OutOfReachError, UserError

WHEEL = "madeup-1.0-py3-none-any.whl"


@pytest.fixture
def pip_index(server, monkeypatch):
    """Makes pip use the index of the server, and no cache; returns the hash of the
    wheel there.
    """
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    wheel = server.folder / WHEEL
    with zipfile.ZipFile(wheel, "w") as archive:
        info = "madeup-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: madeup\nVersion: 1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


@contextmanager
def memory_below(n_bytes):
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= n_bytes


@pytest.mark.parametrize(
    ("path", "total"), [("whole", len(CONTENT)), ("without-a-length", None)]
)
def test_a_file_is_fetched_with_progress_up_to_its_length(server, path, total):
    url = f"{server.url}/{path}"
    reports = []

    assert fetch.get(url, lambda *report: reports.append(report)) == CONTENT

    done = [done for _, done, _ in reports]
    assert done == sorted(done)
    assert reports[-1] == (f"downloading {url}", len(CONTENT), total)
    shorter = fetch.get(
        f"{server.url}/too-short"
    )  # than it is: hashes are checked later
    assert shorter == CONTENT[:-1]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing", "Not Found$"),
        ("broken-off", "it broke off after 1,000 of 256,000 bytes$"),
        ("silent", r"(no answer in 0 s|timed out)$"),
        ("dribbling", r"\S"),
        ("drop-by-drop", r"it sends \d+ bytes per second$"),
        ("endless", "it sends more than 1,000,000 bytes$"),
    ],
)
def test_a_server_that_does_not_send_the_whole_file_is_out_of_reach(
    server, path, reason, monkeypatch
):
    monkeypatch.setattr(fetch, "PATIENCE", 0.5)
    monkeypatch.setattr(fetch, "MAX_BYTES", 1_000_000)
    start = time.monotonic()
    with pytest.raises(OutOfReachError, match=rf"^127\.0\.0\.1: {reason}"):
        fetch.get(f"{server.url}/{path}", patience=0.5)
    assert time.monotonic() - start < 5


def test_pip_downloads_a_wheel_that_exists_until_the_block_ends(pip_index, server):
    reports = []

    with fetch.pip_download(
        "madeup==1.0", pip_index, lambda *report: reports.append(report)
    ) as wheel:
        assert wheel.name == WHEEL
        assert wheel.read_bytes() == (server.folder / WHEEL).read_bytes()

    assert not wheel.parent.exists()
    assert reports == [("downloading madeup==1.0 through pip", 0, None)]


@pytest.mark.usefixtures("pip_index")
@pytest.mark.parametrize(
    ("path", "reason"),
    [("simple", "HASH"), ("index-drop-by-drop", "it took more than 2 s$")],
)
def test_a_wheel_that_does_not_come_as_it_should_is_out_of_reach(
    server, monkeypatch, path, reason
):
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/{path}")
    monkeypatch.setattr(fetch, "LONGEST", 2.0 if "drop" in path else fetch.LONGEST)
    another = fetch.pip_download("madeup==1.0", "0" * 64)
    with (
        pytest.raises(OutOfReachError, match=f"madeup==1.0 through pip: .*{reason}"),
        another,
    ):
        pass


FILES = {"a.sgm": b"hello " * 200, "b.sgm": bytes(range(256)) * 4, "empty.sgm": b""}
WANTED = {*FILES, "a", "b", "folder"}


def tar_of(*members):
    """A tar of members, each ``(name, content)`` or a ``tarfile.TarInfo``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member in members:
            info, content = member if isinstance(member, tuple) else (member, b"")
            if isinstance(info, str):
                info = tarfile.TarInfo(info)
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zip_of(*members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for info, content in members:
            file.writestr(info, content)
    return buffer.getvalue()


def special(kind, name="a", size=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, "/etc/passwd", size
    return info


def read(content):
    return read_members(content, WANTED, "x")


TAR = tar_of(*FILES.items())
ZIP = zip_of(*FILES.items())
PACKED = {"gz": gzip.compress(TAR), "bz2": bz2.compress(TAR), "xz": lzma.compress(TAR)}
STORED = zip_of(*FILES.items(), method=zipfile.ZIP_STORED)
ARCHIVES = PACKED | {"tar": TAR, "zip": ZIP, "stored zip": STORED}


BOTH = pytest.mark.parametrize("make", [tar_of, zip_of])


@BOTH
def test_wanted_files_are_read_whatever_their_folder(make):
    content = make(("deep/a", b"a"), ("../b", b"b"), ("other.txt", b""))

    assert read(content) == {"a": b"a", "b": b"b"}
    with pytest.raises(UserError, match=r"^x: refused: it contains a\.sgm twice$"):
        read(make(("one/a.sgm", b"1"), ("two/a.sgm", b"2")))


def test_only_regular_files_are_read():
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
    content = tar_of(
        special(tarfile.DIRTYPE, "folder"), *map(special, kinds), ("folder/b", b"b")
    )

    assert read(content) == read(zip_of(("folder/", b""), ("b", b"b"))) == {"b": b"b"}


@BOTH
def test_members_have_limits(make, monkeypatch):
    monkeypatch.setattr(fetch, "MAX_MEMBERS", 10)
    monkeypatch.setattr(fetch, "MAX_MEMBER_BYTES", 1_000)
    members = [
        ("a", bytes(1_000)),
        *((f"a{number}", bytes(100)) for number in range(9)),
    ]

    assert read(make(*members)) == {"a": bytes(1_000)}
    with pytest.raises(UserError, match="member 'a' unpacks to 1,001 bytes"):
        read(make(("a", bytes(1_001))))
    with pytest.raises(UserError, match="more than 10 members"):
        read(make(*members, ("a9", b"")))
    monkeypatch.setattr(fetch, "MAX_TOTAL_BYTES", 1_800)
    with pytest.raises(UserError, match="unpacks to more than 1,800 bytes"):
        read(make(*members))


@pytest.mark.parametrize(
    "compress", [gzip.compress, bz2.compress, partial(lzma.compress, preset=0)]
)
def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch, compress):
    monkeypatch.setattr(fetch, "MAX_TOTAL_BYTES", 100_000)
    long_header = special(tarfile.XHDTYPE, size=2**22).tobuf(tarfile.USTAR_FORMAT)

    for content in (compress(bytes(2**22)), compress(long_header + bytes(2**22))):
        with (
            memory_below(2**21),
            pytest.raises(UserError, match="more than 100,000 bytes"),
        ):
            read(content)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_SPARSE])
@pytest.mark.parametrize("size", [-512, 2**70])
def test_a_member_of_an_impossible_size_is_refused(kind, size):
    header = bytearray(special(kind).tobuf(tarfile.GNU_FORMAT))
    header[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)

    with pytest.raises(UserError, match=r"^x: "):
        read(bytes(header) * 3 + bytes(1024))


@pytest.mark.parametrize(
    ("size", "flags", "method", "reason"),
    [
        (100, 0, zipfile.ZIP_DEFLATED, "truncated"),
        (0, 0, zipfile.ZIP_DEFLATED, "truncated"),
        (2**22, 1, zipfile.ZIP_DEFLATED, "encrypted"),
        *(
            (2**22, 0, method, "not compressed by deflate")
            for method in (1, zipfile.ZIP_LZMA, 99)
        ),
    ],
)
def test_a_zip_whose_headers_do_not_fit_its_file_is_refused(
    size, flags, method, reason
):
    archive = bytearray(zip_of(("a", bytes(2**22))))
    entry = archive.rfind(b"PK\x01\x02")
    archive[6] = archive[entry + 8] = flags
    archive[8] = archive[entry + 10] = method
    archive[22:26] = archive[entry + 24 : entry + 28] = struct.pack("<I", size)

    with memory_below(2**20), pytest.raises(UserError, match=f"^x: .*{reason}"):
        read(bytes(archive))


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\0", b"PK\3\4", b"x" * 9]
)
def test_anything_else_is_refused_by_name(content):
    with pytest.raises(
        UserError, match=r"^x: truncated, damaged or not an archive: \S"
    ):
        read(content)


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_that_was_cut_off_or_changed_is_read_correctly_or_refused(kind):
    content = ARCHIVES[kind]

    assert read(content) == FILES
    for length in {
        *range(0, len(content), len(content) // 25),
        *range(0, len(content), 512),
    }:
        with suppress(UserError):
            assert read(content[:length]) == FILES
    for place in (
        range(0, len(content), 7) if kind != "tar" else ()
    ):  # which has no checksums
        with suppress(UserError):
            files = read(
                content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
            )
            assert set(files.values()) <= set(FILES.values())
