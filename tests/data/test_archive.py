"""Downloaded archives: the files that are read, and the archives that are refused."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.data import archive
from rnnbench.data.archive import read_members
from rnnbench.errors import UserError

FILES = {"a.sgm": b"hello " * 200, "b.sgm": bytes(range(256)) * 4, "empty.sgm": b""}
WANTED = {*FILES, "a", "b", "folder"}


def tar_of(*members):
    """A tar of members, each ``(name, content)`` or a ``tarfile.TarInfo``."""
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for member in members:
                info, content = member if isinstance(member, tuple) else (member, b"")
                if isinstance(info, str):
                    info = tarfile.TarInfo(info)
                    info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return buffer.getvalue()


def zip_of(*members, method=zipfile.ZIP_DEFLATED):
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w", method) as file:
            for info, content in members:
                file.writestr(info, content)
        return buffer.getvalue()


def special(kind, name="a", size=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, "/etc/passwd", size
    return info


def zip_that_says(name, content, *, size=None, flags=0, method=None):
    """A zip of one file whose headers say something else about it."""
    archive = bytearray(zip_of((name, content)))
    entry = archive.rfind(b"PK\x01\x02")
    archive[6] = archive[entry + 8] = flags
    if method is not None:
        archive[8] = archive[entry + 10] = method
    if size is not None:
        archive[22:26] = archive[entry + 24 : entry + 28] = struct.pack("<I", size)
    return bytes(archive)


def read(content):
    return read_members(content, WANTED, "x")


def read_or_refuse(content):
    """Return the files in an archive, or ``None`` if it is refused."""
    try:
        return read(content)
    except UserError:
        return None


ARCHIVES = {
    "tar": tar_of(*FILES.items()),
    "tar.gz": gzip.compress(tar_of(*FILES.items())),
    "tar.bz2": bz2.compress(tar_of(*FILES.items())),
    "tar.xz": lzma.compress(tar_of(*FILES.items())),
    "zip": zip_of(*FILES.items()),
    "stored zip": zip_of(*FILES.items(), method=zipfile.ZIP_STORED),
}
LONG_HEADER = special(tarfile.XHDTYPE, size=2**24).tobuf(tarfile.USTAR_FORMAT) + bytes(2**24)
both_kinds = pytest.mark.parametrize("make", [tar_of, zip_of])


@pytest.fixture
def small_limits(monkeypatch):
    """Limits that small archives exceed."""
    monkeypatch.setattr(archive, "MAX_MEMBERS", 10)
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 1_000)
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 100_000)


@pytest.mark.parametrize("kind", ARCHIVES)
def test_every_kind_of_archive_is_read(kind):
    assert read(ARCHIVES[kind]) == FILES


@both_kinds
def test_wanted_files_are_read_whatever_their_folder(make):
    content = make(("deep/a", b"a"), ("../b", b"b"), ("other.txt", b""), ("other.txt", b""))

    assert read(content) == {"a": b"a", "b": b"b"}


def test_only_regular_files_are_read():
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
    content = tar_of(special(tarfile.DIRTYPE, "folder"), *map(special, kinds), ("folder/b", b"b"))

    assert read(content) == {"b": b"b"}
    assert read(zip_of(("folder/", b""), ("folder/b", b"b"))) == {"b": b"b"}


@both_kinds
def test_a_wanted_file_that_occurs_twice_is_refused(make):
    with pytest.raises(UserError, match=r"^x: refused: it contains a\.sgm twice$"):
        read(make(("one/a.sgm", b"1"), ("two/a.sgm", b"2")))


@pytest.mark.usefixtures("small_limits")
@both_kinds
def test_limits_are_on_the_sizes_and_the_number_of_members(make, monkeypatch):
    members = [("a", bytes(1_000)), *((f"a{number}", bytes(100)) for number in range(9))]

    assert read(make(*members)) == {"a": bytes(1_000)}
    with pytest.raises(UserError, match="member 'a' unpacks to 1,001 bytes"):
        read(make(("a", bytes(1_001))))
    with pytest.raises(UserError, match="more than 10 members"):
        read(make(*members, ("a9", b"")))
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 1_800)
    with pytest.raises(UserError, match="unpacks to more than 1,800 bytes"):
        read(make(*members))


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("bomb", [bytes(2**25), LONG_HEADER], ids=["zeros", "long header"])
def test_a_bomb_is_refused_before_it_is_unpacked(compress, bomb, bounded_memory):
    content = compress(bomb)

    with bounded_memory(2**24), pytest.raises(UserError, match="more than 100,000 bytes"):
        read(content)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_SPARSE])
@pytest.mark.parametrize("size", [-512, -1024, 2**70])
def test_a_member_of_an_impossible_size_is_refused(kind, size):
    header = bytearray(special(kind).tobuf(tarfile.GNU_FORMAT))
    header[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)

    with pytest.raises(UserError, match=r"^x: "):
        read(bytes(header) * 3 + bytes(1024))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(zip_that_says("a", bytes(2**25), size=100), "truncated", id="size too small"),
        pytest.param(zip_that_says("a", b"a", size=0), "truncated", id="size zero"),
        pytest.param(zip_that_says("a", b"a", flags=1), "encrypted", id="encrypted"),
        *[
            pytest.param(zip_that_says("a", b"a", method=method), "not compressed by deflate")
            for method in (1, 9, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99)
        ],
    ],
)
def test_a_zip_that_cannot_be_read_within_bounds_is_refused(content, reason, bounded_memory):
    with bounded_memory(2**22), pytest.raises(UserError, match=f"^x: .*{reason}"):
        read(content)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\x00", b"PK\x03\x04", b"x" * 2000],
)
def test_anything_else_is_refused_by_name(content):
    with pytest.raises(UserError, match=r"^x: truncated, damaged or not an archive: \S"):
        read(content)


@pytest.mark.parametrize("kind", ARCHIVES)
@given(data=st.data())
def test_an_archive_that_was_cut_off_is_read_correctly_or_refused(kind, data):
    content = ARCHIVES[kind]
    length = data.draw(st.integers(0, len(content)))

    found = read_or_refuse(content[:length])

    assert found == FILES or (found is None and length < len(content))


def test_a_tar_that_was_cut_off_between_two_members_is_refused():
    with pytest.raises(UserError, match=r"^x: truncated, damaged"):
        read(tar_of(("a", b"a"), ("b", b"b"))[:1024])


@pytest.mark.parametrize("kind", [kind for kind in ARCHIVES if kind != "tar"])
def test_a_changed_byte_never_changes_the_content_of_a_file(kind):
    content = bytearray(ARCHIVES[kind])

    for place in range(len(content)):
        content[place] ^= 0xFF
        found = read_or_refuse(bytes(content)) or {}
        assert set(found.values()) <= set(FILES.values())
        content[place] ^= 0xFF
