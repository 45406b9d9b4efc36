import json
import re
from functools import partial

import pytest
from plugin_files import run_rnnbench, write_distribution

from rnnbench.terminal import console

MADE_UP = ["--data", "sgml", "--path", "tiny-reuters"]


@pytest.fixture(autouse=True)
def sgml(tiny_sgml_folder, monkeypatch):
    monkeypatch.chdir(tiny_sgml_folder.parent)


def test_prepare_describes_the_newswires(cli):
    result = cli("data", "prepare", *MADE_UP, "--set", "data.test_split=0.5")

    assert result.exit_code == 0
    assert "44 documents, 2 topics, 35 words" in result.stdout
    assert "22 documents to train on, 22 to test on, 20 steps" in result.stdout
    for fact in ("majority baseline", "duplicates", "topics only in test", "█"):
        assert fact in result.stdout
    assert "not the original files of sgml" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["data", "info", *MADE_UP],
        ["data", "sources"],
        ["config", "list"],
        ["models", "list", "baselines"],
    ],
    ids=" ".join,
)
def test_no_word_is_cut_on_a_narrow_terminal(cli, command, monkeypatch):
    monkeypatch.setattr(console.out, "width", 40)

    shown = cli(*command).stdout

    assert "…" not in shown
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 40


def test_json_holds_the_same_facts(cli):
    facts = json.loads(cli("data", "prepare", *MADE_UP, "--json").stdout)

    assert (facts["documents"], facts["topics"], facts["vocabulary"]) == (44, 2, 35)
    assert len(facts["topic_counts"]) == 2
    assert len(facts["corpus_fingerprint"]) == len(facts["dataset_fingerprint"]) == 64


def test_info_without_anything_cached_says_what_to_do(cli):
    result = cli("data", "info")

    assert result.exit_code == 2
    assert "run `rnnbench data prepare`" in result.stderr


def test_a_config_chooses_the_data(cli, tmp_path):
    config = tmp_path / "a.yaml"
    config.write_text(
        "name: a\n"
        "data: {source: sgml, path: tiny-reuters, pad_length: 5}\n"
        "models: {m: {layers: [gru: {units: 1}, dense: {units: topics, activation: softmax}]}}\n"
    )

    assert json.loads(cli("data", "info", config, "--json").stdout)["timesteps"] == 5


def test_show_prints_a_newswire_its_topic_and_where_it_went(cli):
    options = (*MADE_UP, "--set", "data.maxlen=8")

    shown = json.loads(cli("data", "show", 8, *options, "--json").stdout)

    assert (shown["topic"], shown["place"]) == ("earn", "left out")
    assert shown["words"][:2] == ["net", "profit"]
    printed = cli("data", "show", 8, *options).stdout
    assert printed.startswith("document 8, topic earn, 19 words, left out\n")
    assert " ".join(shown["words"]) in " ".join(printed.split())


def test_show_prints_what_each_model_of_a_config_is_given(cli, tmp_path):
    config = tmp_path / "a.yaml"
    config.write_text(
        "name: a\n"
        "data: {source: sgml, path: tiny-reuters, pad_length: 5, num_words: 20}\n"
        "models:\n"
        "  rnn: {layers: [gru: {units: 1}, dense: {units: topics, activation: softmax}]}\n"
        "  svm: {baseline: tfidf_linear_svm}\n"
    )

    facts = json.loads(cli("data", "show", 8, config, "--json").stdout)

    assert facts["words"][:2] == ["net", "profit"]
    assert len(facts["ids"]) == 1 + len(facts["words"]) == 20
    assert facts["cut_off"] == {"count": 15, "side": "pre"}
    assert facts["sequence"] == facts["ids"][-5:]
    rnn, svm = facts["inputs"]
    assert (rnn["models"], rnn["kind"], rnn["shape"]) == (["rnn"], "numbers", [5, 1])
    assert rnn["values"] == facts["sequence"]
    assert (svm["kind"], svm["values"]) == ("text", [" ".join(map(str, facts["sequence"]))])
    lines = cli("data", "show", 8, config).stdout.splitlines()
    assert all(line == line.rstrip() for line in lines), "it is no terminal that they have to fill"
    printed = " ".join(" ".join(lines).split())
    assert "the first 15 are cut off" in printed
    assert "rnn: the id of each word as a number, one feature at each step, (5, 1)" in printed


# Sources of other packages

TWEETS = """
    from rnnbench.data.corpus import corpus_of_words
    from rnnbench.data.source import Source


    def read(path):
        rows = [line.split(",") for line in path.read_text().splitlines()]
        topics = sorted({topic for topic, _ in rows})
        documents = [text.split() for _, text in rows]
        words = sorted({word for words in documents for word in words})
        labels = [topics.index(topic) for topic, _ in rows]
        return corpus_of_words(documents, words, labels, topics)


    TWEETS = Source(
        name="tweets",
        help="Tweets on two topics.",
        file="a .tweets file of topics and texts",
        read=read,
        tokenize=str.split,
        patterns=("*.tweets",),
    )
"""


@pytest.fixture
def with_plugins(tmp_path):
    """Runs the command with a package that brings the source ``tweets``, and one that fails."""
    site = write_distribution(
        tmp_path / "site",
        {"tweets": "made_up_tweets:TWEETS", "broken": "not_there:BROKEN"},
        {"made_up_tweets": TWEETS},
        group="rnnbench.sources",
    )
    (tmp_path / "own.tweets").write_text("cats,meow purr\ndogs,woof\n" * 5)
    return partial(run_rnnbench, "data", site=site)


def test_a_source_of_another_package_is_used_like_a_built_in_one(with_plugins):
    brought = with_plugins("prepare", "--data", "tweets", "--path", "own.tweets", "--json")
    assert not brought.stderr
    facts = json.loads(brought.stdout)
    assert (facts["source"], facts["from"], facts["documents"]) == ("tweets", "own.tweets", 10)

    shown = json.loads(with_plugins("show", "0", "--data", "tweets", "--json").stdout)
    assert (shown["topic"], shown["words"]) == ("cats", ["meow", "purr"])
    sources = with_plugins("show", "--help").stdout.partition("The source of the documents:")[2]
    assert re.findall(r"\w+", sources)[:7] == [
        "auto",
        "keras",
        "sgml",
        "r52",
        "r8",
        "files",
        "tweets",
    ]


def test_files_are_recognised_by_sources_of_other_packages_whether_or_not_one_of_them_fails(
    with_plugins,
):
    recognised = with_plugins("prepare", "--path", "own.tweets")

    assert "tweets (own.tweets)" in recognised.stdout
    assert "source 'broken' of the package made-up cannot be loaded" in recognised.stderr
    assert recognised.stderr.count("it is left out") == 1
    assert not with_plugins("prepare", "--path", "tiny-reuters").returncode


def test_a_source_that_only_reads_files_cannot_be_downloaded(with_plugins):
    refused = with_plugins("prepare", "--data", "tweets")

    assert refused.returncode == 3
    assert "  tweets: it can only be read from a file" in refused.stderr
    assert "--data tweets --path FILE: a .tweets file of topics and texts" in refused.stderr


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("broken", "source 'broken' of the package made-up cannot be loaded from not_there:BROKEN"),
        ("tweets", "source 'tweets' of the package made-up failed: IsADirectoryError: "),
    ],
)
def test_a_source_that_fails_is_named_with_its_package(with_plugins, source, reason):
    refused = with_plugins("prepare", "--data", source, "--path", ".")

    assert refused.returncode == 2
    assert refused.stderr.startswith(reason)


def test_sources_are_listed_with_the_files_that_they_read(cli, with_plugins):
    listed = cli("data", "sources").stdout

    for start in ("keras", "The Reuters set", "reuters.npz, with", "r8", "R8: 7,674"):
        assert f" {start} " in listed
    sources = json.loads(with_plugins("sources", "--json").stdout)["sources"]
    assert list(sources) == ["keras", "sgml", "r52", "r8", "files", "tweets"]
