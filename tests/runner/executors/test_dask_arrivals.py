"""Files that arrive at a worker: only what was sent is written, and nowhere else."""

import hashlib
import zipfile
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.errors import RnnbenchError
from rnnbench.runner.executors.dask import arrivals
from rnnbench.runner.executors.dask.arrivals import write_files


def parcel(content, ending="npz"):
    """Return the name of a file and its content as it travels."""
    return f"{hashlib.sha256(content).hexdigest()}.{ending}", zlib.compress(content)


def zipped(**files):
    """Return a zip file with names and texts."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, text in files.items():
            opened.writestr(name, text)
    return buffer.getvalue()


def refusal(folder, name, packed):
    """Return why a file is refused; nothing may have been written then."""
    with pytest.raises(RnnbenchError) as caught:
        write_files(folder, {name: packed})
    assert not [*folder.parent.rglob("*.npz"), *folder.parent.rglob("*.py")]
    return str(caught.value)


def test_documents_and_modules_are_written(tmp_path):
    name, packed = parcel(b"documents")
    modules, packed_modules = parcel(zipped(**{"mine/a.py": "A = 1"}), "zip")

    write_files(tmp_path, {name: packed, modules: packed_modules})

    assert (tmp_path / name).read_bytes() == b"documents"
    assert (tmp_path / modules.partition(".")[0] / "mine" / "a.py").read_text() == "A = 1"


@given(st.data())
def test_a_file_that_was_changed_on_its_way_is_refused(tmp_path_factory, data):
    name, packed = parcel(b"documents, or so")
    index = data.draw(st.integers(0, len(packed) - 1))
    changed = data.draw(
        st.sampled_from(
            [
                packed[:index],
                packed[:index] + bytes([packed[index] ^ 0x55]) + packed[index + 1 :],
                zlib.compress(b"others"),
            ]
        )
    )
    folder = tmp_path_factory.mktemp("worker") / "run"

    with suppress(RnnbenchError):
        write_files(folder, {name: changed})

    kept = [file.read_bytes() for file in folder.glob("*")]
    assert kept in ([], [b"documents, or so"])


@pytest.mark.parametrize("name", ["../a.npz", "a.npz", f"{'0' * 64}.py", f"{'0' * 64}.npz\n"])
def test_a_name_that_is_no_checksum_is_refused(tmp_path, name):
    assert "is not the name of a file that is kept" in refusal(tmp_path / "run", name, b"")


def test_a_file_that_unpacks_without_bounds_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(arrivals, "MOST_BYTES", 1_000)

    assert "did not arrive as it was sent" in refusal(tmp_path / "run", *parcel(b"0" * 1_001))


@pytest.mark.parametrize("name", ["../a.py", "/a.py", "a/../../b.py", "..\\a.py", "a.so", "a.pth"])
def test_members_that_are_no_modules_are_refused(tmp_path, name):
    content = zipped(**{"fine.py": "", name: ""})

    assert "is not the name of a module" in refusal(tmp_path / "run", *parcel(content, "zip"))


def test_what_is_no_zip_file_is_refused(tmp_path):
    assert "modules cannot be unpacked" in refusal(tmp_path / "run", *parcel(b"text", "zip"))
