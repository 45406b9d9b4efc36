"""A config that is written out, every default filled in, and read again."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.config.load import Override, dump, load
from rnnbench.config.schema import Benchmark
from rnnbench.models.layers import LARGEST, LAYERS

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
identifiers = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,7}", fullmatch=True)
names = st.from_regex(r"[a-z][a-z0-9_-]{0,7}", fullmatch=True)
shares = st.floats(0, 1, exclude_max=True)
parts = st.floats(0, 1, exclude_min=True, exclude_max=True)
sizes = st.integers(1, LARGEST)
seeds = st.integers(0, 2**32 - 1)
ngrams = st.integers(1, 5)
strengths = st.floats(0, exclude_min=True, allow_infinity=False)
fingerprints = st.from_regex(r"[a-f][0-9a-f]{63}", fullmatch=True)
activations = st.sampled_from(["tanh", "relu", "leaky_relu", "softmax", "linear"])


def recurrent(return_sequences: bool):
    """Return the recurrent kinds of layers, by name, each with the parameters that it has."""
    known = {"units": sizes, "return_sequences": st.just(return_sequences)}
    optional = {"activation": activations, "dropout": shares, "recurrent_dropout": shares}
    gates = {"recurrent_activation": activations}
    return {
        "simple_rnn": described(known, optional),
        "gru": described(known, optional | gates | {"reset_after": st.booleans()}),
        "lstm": described(known, optional | gates | {"unit_forget_bias": st.booleans()}),
    }


def described(known, optional=None):
    return st.fixed_dictionaries(known, optional=optional or {})


def any_of(kinds):
    """Return layers of these kinds, as YAML has them."""
    return st.one_of([st.fixed_dictionaries({kind: given}) for kind, given in kinds.items()])


def both_ways(return_sequences: bool):
    mode = {"merge_mode": st.sampled_from(["concat", "sum", "ave", "mul"])}
    return {"bidirectional": described({"layer": any_of(recurrent(return_sequences))}, mode)}


EMBEDDING = described({"dim": sizes}, {"trainable": st.booleans()})
MASKED = described({"dim": sizes, "masking": st.just(True)}, {"trainable": st.booleans()})
ANYWHERE = {
    "dense": described({"units": sizes | st.just("topics")}, {"activation": activations}),
    "dropout": described({"rate": shares}),
    "layer_norm": described({}, {"epsilon": strengths}),
}
STEPWISE = {
    **ANYWHERE,
    **recurrent(return_sequences=True),
    **both_ways(return_sequences=True),
    "spatial_dropout": described({"rate": shares}),
}
CONV = {
    "conv1d": described(
        {"filters": sizes, "kernel_size": sizes},
        {"padding": st.sampled_from(["valid", "same", "causal"]), "activation": activations},
    )
}
LAST_OF_SEQUENCE = {
    **recurrent(return_sequences=False),
    **both_ways(return_sequences=False),
    "pooling": described({"by": st.sampled_from(["max", "mean", "last", "attention"])}),
}


def test_every_kind_of_layer_is_drawn():
    assert {"embedding"} | set(STEPWISE) | set(CONV) | set(LAST_OF_SEQUENCE) == set(LAYERS)


def baselines():
    kinds = {
        "most_frequent": {},
        "stratified": {},
        "tfidf_logistic_regression": {"max_ngram": ngrams, "C": strengths},
        "tfidf_linear_svm": {"max_ngram": ngrams, "C": strengths},
        "multinomial_naive_bayes": {"max_ngram": ngrams, "alpha": strengths},
    }
    with_parameters = any_of(
        {kind: st.none() | described({}, parameters) for kind, parameters in kinds.items()}
    )
    written = st.sampled_from(sorted(kinds)) | with_parameters
    return st.fixed_dictionaries({"baseline": written})


def networks():
    def stack(embeddings, stepwise):
        return st.builds(
            lambda first, between, last, after: [
                *first,
                *between,
                last,
                *after,
                {"dense": {"units": "topics", "activation": "softmax"}},
            ],
            st.lists(any_of({"embedding": embeddings}), max_size=1),
            st.lists(any_of(stepwise), max_size=3),
            any_of(LAST_OF_SEQUENCE),
            st.lists(any_of(ANYWHERE), max_size=2),
        )

    layers = stack(EMBEDDING, STEPWISE | CONV) | stack(MASKED, STEPWISE)
    inputs = st.sampled_from(["ids", "scaled_ids"])
    return st.builds(
        lambda layers, inputs: {
            "layers": layers,
            "inputs": "ids" if "embedding" in layers[0] else inputs,
        },
        layers,
        inputs,
    )


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3),
    max_leaves=5,
)


def functions():
    return st.fixed_dictionaries(
        {"python": st.builds("{}.{}:{}".format, identifiers, identifiers, identifiers)},
        optional={"arguments": st.dictionaries(identifiers, plain, max_size=3)},
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
    known = {
        "source": texts.map("a paper: {}".format),
        "models": st.dictionaries(texts, published, min_size=1, max_size=3),
    }
    training_of_ours = {"training": st.fixed_dictionaries({}, optional={"epochs": sizes})}
    reference = st.fixed_dictionaries(known | {"split": fingerprints}) | st.fixed_dictionaries(
        known | {"dataset": fingerprints}, optional=training_of_ours
    )
    models = st.dictionaries(names, networks() | functions() | baselines(), min_size=1, max_size=3)
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
