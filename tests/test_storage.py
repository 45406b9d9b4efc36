"""Files that appear whole, and the hashes of what is in them."""

import json
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.storage import atomic_write, canonical_json, sha256_file, sha256_json, write_text

SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SHA256_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
SHA256_OF_BRACES = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_a_file_appears_when_it_is_complete(tmp_path):
    file = tmp_path / "a.bin"
    with atomic_write(file) as stream:
        stream.write(b"abc")
        assert not file.exists()
    assert file.read_bytes() == b"abc"


def test_a_file_keeps_its_content_until_the_new_one_is_complete(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"old")
    with atomic_write(file) as stream:
        stream.write(b"new")
        stream.flush()
        assert file.read_bytes() == b"old"
    assert file.read_bytes() == b"new"


def write_half(file, error):
    with atomic_write(file) as stream:
        stream.write(b"half of the n")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_what_was_there_and_nothing_else(tmp_path, error):
    file = tmp_path / "a.bin"
    file.write_bytes(b"old")
    with pytest.raises(error):
        write_half(file, error)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_block_that_ends_well_leaves_one_file(tmp_path):
    with atomic_write(tmp_path / "a.bin") as stream:
        stream.write(b"abc")
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_missing_folders_are_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "c.txt", "abc")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"abc"


@pytest.mark.skipif(os.name != "posix", reason="files have no modes")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_mode_of_a_file_is_as_the_umask_says(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "a.txt", "abc")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == mode


def test_text_is_written_as_utf_8_with_its_own_line_ends(tmp_path):
    write_text(tmp_path / "a.txt", "é\r\n\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa9\r\n\n"


def shuffled(value, random):
    if isinstance(value, dict):
        entries = [(key, shuffled(inner, random)) for key, inner in value.items()]
        random.shuffle(entries)
        return dict(entries)
    return [shuffled(inner, random) for inner in value] if isinstance(value, list) else value


@given(value=json_values, random=st.randoms(use_true_random=False))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value, random):
    assert canonical_json(shuffled(value, random)) == canonical_json(value)


@given(value=json_values)
def test_canonical_json_says_all_there_is(value):
    assert json.loads(canonical_json(value)) == value


def test_canonical_json_is_short():
    assert canonical_json({"b": [1, 2.5, None], "a": "é"}) == b'{"a":"\\u00e9","b":[1,2.5,null]}'


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_canonical_json_has_only_numbers_of_json(number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"loss": number})


def test_the_hash_of_json_is_that_of_its_canonical_spelling():
    assert sha256_json({}) == SHA256_OF_BRACES
    assert sha256_json({"a": 1, "b": 2}) == sha256_json({"b": 2, "a": 1})
    assert sha256_json({"a": 1}) != sha256_json({"a": 1.0})


@pytest.mark.parametrize(("content", "sha256"), [(b"", SHA256_OF_NOTHING), (b"abc", SHA256_OF_ABC)])
def test_the_hash_of_a_file_is_that_of_its_content(tmp_path, content, sha256):
    (tmp_path / "a.bin").write_bytes(content)
    assert sha256_file(tmp_path / "a.bin") == sha256
