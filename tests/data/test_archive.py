"""Archives from outside: what is read of them, and what is refused."""

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
from rnnbench.data.archive import read_members, read_members_of
from rnnbench.errors import UserError

FILES = {"a.sgm": b"hello " * 200, "b.sgm": bytes(range(256)) * 4, "empty.sgm": b""}


def tar_of(*members):
    """A tar of members: (name, content), or what ``tarfile`` calls a member."""
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


def special(kind, name="special", target="target"):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def read_all(content):
    return read_members_of(content, lambda _: True, "x")


def read_or_refuse(content):
    """Return the files in an archive, or ``None`` where it is refused."""
    try:
        return read_all(content)
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


@pytest.fixture
def small_limits(monkeypatch):
    """Limits that small archives exceed."""
    monkeypatch.setattr(archive, "MAX_MEMBERS", 10)
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 1_000)
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 100_000)


@pytest.mark.parametrize("kind", ARCHIVES)
def test_every_kind_of_archive_is_read(kind, tmp_path):
    file = tmp_path / "archive"
    file.write_bytes(ARCHIVES[kind])

    assert read_members(file, lambda _: True) == FILES


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_only_what_is_wanted_is_read_wherever_it_lies(make):
    content = make(("deep/down/a.sgm", b"a"), ("b.txt", b"b"))

    assert read_members_of(content, lambda name: name.endswith(".sgm"), "x") == {"a.sgm": b"a"}


def test_folders_are_no_members():
    assert read_all(tar_of(special(tarfile.DIRTYPE, "reuters"), ("reuters/a", b"a"))) == {"a": b"a"}
    assert read_all(zip_of(("reuters/", b""), ("reuters/a", b"a"))) == {"a": b"a"}


@pytest.mark.parametrize("make", [tar_of, zip_of])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/a.sgm", "absolute path"),
        ("C:/a.sgm", "absolute path"),
        ("C:\\a.sgm", "absolute path"),
        ("\\\\server\\a.sgm", "absolute path"),
        ("../a.sgm", "leads out of the archive"),
        ("deep/../../a.sgm", "leads out of the archive"),
        ("deep\\..\\..\\a.sgm", "leads out of the archive"),
    ],
)
def test_a_member_that_leads_out_is_refused(make, name, reason):
    with pytest.raises(UserError, match=f"^x: refused as hostile: .*{reason}"):
        read_all(make((name, b"a")))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        pytest.param(tarfile.SYMTYPE, "is a link", id="symbolic link"),
        pytest.param(tarfile.LNKTYPE, "is a link", id="hard link"),
        pytest.param(tarfile.CHRTYPE, "is a device", id="character device"),
        pytest.param(tarfile.BLKTYPE, "is a device", id="block device"),
        pytest.param(tarfile.FIFOTYPE, "is a device", id="named pipe"),
    ],
)
def test_a_member_that_is_no_file_is_refused(kind, reason):
    with pytest.raises(UserError, match=f"member 'special' {reason}"):
        read_all(tar_of(("a.sgm", b"a"), special(kind)))


def test_a_link_in_a_zip_is_refused():
    info = zipfile.ZipInfo("special")
    info.external_attr = 0o120777 << 16

    with pytest.raises(UserError, match="member 'special' is a link"):
        read_all(zip_of((info, b"/etc/passwd")))


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_an_archive_with_a_hostile_member_is_refused_even_where_that_is_unwanted(make):
    content = make(("a.sgm", b"a"), ("../b.txt", b"b"))

    with pytest.raises(UserError, match="hostile"):
        read_members_of(content, lambda name: name == "a.sgm", "x")


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_a_wanted_file_that_comes_twice_is_refused(make):
    with pytest.raises(UserError, match=r"a\.sgm comes twice"):
        read_all(make(("one/a.sgm", b"1"), ("two/a.sgm", b"2")))


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_an_unwanted_file_may_come_twice(make):
    content = make(("one/README", b"1"), ("two/README", b"2"), ("a", b"a"))

    assert read_members_of(content, "a".__eq__, "x") == {"a": b"a"}


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_a_member_of_an_absurd_size_is_refused(make):
    with pytest.raises(UserError, match="member 'a' unpacks to 1,001 bytes"):
        read_all(make(("a", bytes(1_001))))


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_too_many_members_are_refused(make):
    members = [(f"a{number}", b"") for number in range(11)]

    assert len(read_all(make(*members[:10]))) == 10
    with pytest.raises(UserError, match="more than 10 members"):
        read_all(make(*members))


@pytest.mark.usefixtures("small_limits")
def test_members_that_are_absurd_only_together_are_refused(monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 2_500)

    with pytest.raises(UserError, match="unpacks to more than 2,500 bytes"):
        read_all(zip_of(*[(f"a{number}", bytes(900)) for number in range(3)]))


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_bomb_is_refused_before_it_is_unpacked(compress, bounded_memory):
    bomb = compress(bytes(2**25))

    with bounded_memory(2**24), pytest.raises(UserError, match="more than 100,000 bytes"):
        read_all(bomb)


def test_a_zip_that_lies_about_a_size_is_refused_before_it_is_unpacked(bounded_memory):
    content = zip_that_says("a", bytes(2**25), size=100)

    with bounded_memory(2**22), pytest.raises(UserError, match=r"^x: truncated or damaged"):
        read_all(content)


def test_a_zip_that_says_of_a_file_that_it_is_empty_is_refused():
    with pytest.raises(UserError, match=r"^x: truncated or damaged"):
        read_all(zip_that_says("a", b"a", size=0))


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_SPARSE])
@pytest.mark.parametrize("size", [-512, -1024, 2**70])
def test_a_member_of_an_impossible_size_is_refused(kind, size):
    header = bytearray(special(kind).tobuf(tarfile.GNU_FORMAT))
    header[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)

    with pytest.raises(UserError, match=r"^x: "):
        read_all(bytes(header) * 3 + bytes(1024))


def test_an_encrypted_member_is_refused():
    with pytest.raises(UserError, match="encrypted"):
        read_all(zip_that_says("a", b"a", flags=1))


@pytest.mark.parametrize("method", [1, 9, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99])
def test_a_zip_member_that_is_neither_stored_nor_deflated_is_refused(method):
    content = zip_that_says("a", b"a", method=method)

    with pytest.raises(UserError, match=r"^x: refused as hostile: member 'a' is not compressed by"):
        read_members_of(content, lambda _: False, "x")


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\x00", b"PK\x03\x04", b"x" * 2000],
)
def test_what_is_no_archive_is_refused_by_name(content, tmp_path):
    file = tmp_path / "file.tar.gz"
    file.write_bytes(content)

    with pytest.raises(UserError, match=r"file\.tar\.gz: truncated or damaged, or no archive: \S"):
        read_members(file, lambda _: True)


def test_an_archive_of_nothing_holds_nothing():
    assert read_all(tar_of()) == read_all(zip_of()) == {}


@pytest.mark.parametrize("kind", ARCHIVES)
@given(data=st.data())
def test_an_archive_that_was_cut_off_is_read_right_or_refused(kind, data):
    content = ARCHIVES[kind]
    length = data.draw(st.integers(0, len(content)))

    found = read_or_refuse(content[:length])

    assert found == FILES or (found is None and length < len(content))


def test_a_tar_that_was_cut_off_between_two_members_is_refused():
    content = tar_of(("a", b"a"), ("b", b"b"))[:1024]

    with pytest.raises(UserError, match=r"^x: truncated or damaged"):
        read_all(content)


@pytest.mark.parametrize("kind", [kind for kind in ARCHIVES if kind != "tar"])
def test_a_changed_byte_gives_no_file_another_content(kind):
    content = bytearray(ARCHIVES[kind])

    for place in range(len(content)):
        content[place] ^= 0xFF
        found = read_or_refuse(bytes(content)) or {}
        assert set(found.values()) <= set(FILES.values())
        content[place] ^= 0xFF


def zip_that_says(name, content, *, size=None, flags=0, method=None):
    """A zip of one file whose headers say something else of it."""
    archive = bytearray(zip_of((name, content)))
    entry = archive.rfind(b"PK\x01\x02")
    archive[6] = archive[entry + 8] = flags
    if method is not None:
        archive[8] = archive[entry + 10] = method
    if size is not None:
        archive[22:26] = archive[entry + 24 : entry + 28] = struct.pack("<I", size)
    return bytes(archive)
