"""A config that is written out, every default filled in, and read again."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.config.load import Override, dump, load
from rnnbench.config.schema import Benchmark

CONFIGS = Path(__file__).parents[2] / "configs"
MODELS = """\
models:
  rnn:
    layers:
      - simple_rnn: {units: 2}
      - dense: {units: topics, activation: softmax}
"""
SMALL = f"name: small\n{MODELS}"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "good.yaml") -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_dump_of_the_whole_benchmark_loads_again():
    benchmark = load(CONFIGS / "all.yaml")
    assert load(write(dump(benchmark, Path()))) == benchmark


@pytest.mark.parametrize("name", ["null", "08", "1e3"])
def test_a_name_that_looks_like_something_else_survives_a_dump(name):
    benchmark = load(write(f'name: "{name}"\n{MODELS.replace("rnn:", f"{name}:", 1)}'))
    again = load(write(dump(benchmark, Path())))
    assert (again.name, list(again.models)) == (name, [name])


def test_a_fingerprint_that_looks_like_a_number_survives_a_dump():
    dataset = f"1e{'0' * 62}"
    reference = f"{{source: x, dataset: '{dataset}', models: {{a: {{accuracy: 1}}}}}}"
    benchmark = load(write(f"references: {{paper: {reference}}}\n{SMALL}"))
    assert load(write(dump(benchmark, Path()))).references["paper"].dataset == dataset


def test_a_dump_keeps_letters_readable():
    path = Override("--path", "data.path", "Büro/Reuters")
    assert "path: Büro/Reuters\n" in dump(load(write(SMALL), [path]), Path())


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("corpus", "results/small"),
        ("../corpus", "configs"),
        ("/corpora/reuters", "results/small"),
    ],
)
def test_a_dump_names_the_same_data_from_another_folder(path, folder):
    benchmark = load(write(f"data: {{path: {path}}}\n{SMALL}", "configs/a.yaml"))
    again = load(write(dump(benchmark, Path(folder)), f"{folder}/config.yaml"))
    assert again.data.path.resolve() == benchmark.data.path.resolve()


def test_a_dump_names_relative_data_so_that_all_can_be_moved():
    benchmark = load(write(f"data: {{path: corpus}}\n{SMALL}", "configs/a.yaml"))
    assert "path: ../../configs/corpus\n" in dump(benchmark, Path("results/small"))


def test_a_dump_names_the_same_data_from_a_folder_that_is_a_link():
    Path("far/away").mkdir(parents=True)
    Path("results").symlink_to("far/away")
    benchmark = load(write(f"data: {{path: corpus}}\n{SMALL}", "configs/a.yaml"))
    again = load(write(dump(benchmark, Path("results")), "results/config.yaml"))
    assert again.data.path.resolve() == benchmark.data.path.resolve()


texts = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=8)
names = st.from_regex(r"[a-z][a-z0-9_-]{0,7}", fullmatch=True)
shares = st.floats(0, 1, exclude_max=True)
parts = st.floats(0, 1, exclude_min=True, exclude_max=True)
sizes = st.integers(1, 2**40)
seeds = st.integers(0, 2**32 - 1)
ngrams = st.integers(1, 5)
strengths = st.floats(0, exclude_min=True, allow_infinity=False)
fingerprints = st.from_regex(r"[a-f][0-9a-f]{63}", fullmatch=True)
activations = st.sampled_from(["tanh", "relu", "leaky_relu", "softmax", "linear"])


def recurrent(return_sequences: bool):
    parameters = st.fixed_dictionaries(
        {"units": sizes, "return_sequences": st.just(return_sequences)},
        optional={"activation": activations, "dropout": shares, "recurrent_dropout": shares},
    )
    gated = st.fixed_dictionaries(
        {"units": sizes, "return_sequences": st.just(return_sequences)},
        optional={"recurrent_activation": activations},
    )
    kinds = st.sampled_from(["simple_rnn", "gru", "lstm"])
    return st.builds(lambda kind, given: {kind: given}, kinds, parameters) | st.builds(
        lambda kind, given: {kind: given}, st.sampled_from(["gru", "lstm"]), gated
    )


def stepwise():
    dense = st.fixed_dictionaries(
        {"units": sizes | st.just("topics")}, optional={"activation": activations}
    )
    return st.builds(lambda given: {"dense": given}, dense) | st.builds(
        lambda rate: {"dropout": {"rate": rate}}, shares
    )


def baselines():
    kinds = {
        "most_frequent": {},
        "stratified": {},
        "tfidf_logistic_regression": {"max_ngram": ngrams, "C": strengths},
        "tfidf_linear_svm": {"max_ngram": ngrams, "C": strengths},
        "multinomial_naive_bayes": {"max_ngram": ngrams, "alpha": strengths},
    }
    described = [
        st.fixed_dictionaries({kind: st.none() | st.fixed_dictionaries({}, optional=parameters)})
        for kind, parameters in kinds.items()
    ]
    written = st.sampled_from(sorted(kinds)) | st.one_of(described)
    return st.fixed_dictionaries({"baseline": written})


def networks():
    return st.builds(
        lambda first, last, after: {
            "layers": [
                *first,
                last,
                *after,
                {"dense": {"units": "topics", "activation": "softmax"}},
            ]
        },
        st.lists(recurrent(return_sequences=True) | stepwise(), max_size=3),
        recurrent(return_sequences=False),
        st.lists(stepwise(), max_size=2),
    )


def benchmarks():
    data = st.fixed_dictionaries(
        {},
        optional={
            "source": st.sampled_from(["auto", "keras", "sgml", "r52", "r8"]),
            "path": names.map("corpora/{}".format),
            "num_words": st.integers(4, 2**40),
            "maxlen": st.integers(3, 2**40),
            "split": st.sampled_from(["auto", "shuffled", "modapte"]),
            "test_split": parts,
            "seed": seeds,
            "pad_length": st.integers(1, 9999),
            "padding": st.sampled_from(["pre", "post"]),
            "truncating": st.sampled_from(["pre", "post"]),
        },
    )
    training = st.fixed_dictionaries(
        {},
        optional={
            "epochs": sizes,
            "batch_size": sizes,
            "optimizer": st.sampled_from(["adam", "adamw", "nadam", "rmsprop", "sgd"]),
            "learning_rate": st.floats(0, exclude_min=True, allow_infinity=False),
            "validation_split": shares,
            "seeds": st.integers(1, 5) | st.lists(seeds, min_size=1, max_size=3, unique=True),
        },
    )
    published = st.fixed_dictionaries({"accuracy": st.floats(0, 1)}, optional={"params": sizes})
    reference = st.builds(
        lambda known, tie, fingerprint: known | {tie: fingerprint},
        st.fixed_dictionaries(
            {
                "source": texts.map("a paper: {}".format),
                "models": st.dictionaries(texts, published, min_size=1, max_size=3),
            },
            optional={"training": st.fixed_dictionaries({}, optional={"epochs": sizes})},
        ),
        st.sampled_from(["dataset", "split"]),
        fingerprints,
    )
    models = st.dictionaries(names, networks() | baselines(), min_size=1, max_size=3)
    references = st.dictionaries(names, reference, max_size=2)
    trees = st.fixed_dictionaries(
        {"name": names, "models": models},
        optional={"data": data, "training": training, "references": references},
    )
    return trees.map(Benchmark.model_validate)


@settings(deadline=None)
@given(benchmark=benchmarks())
def test_every_benchmark_that_is_dumped_loads_again(benchmark):
    again = load(write(dump(benchmark, Path())))
    assert again == benchmark
    assert list(again.models) == list(benchmark.models)
