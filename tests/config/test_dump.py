"""A config that is written out, with every default, and read again."""

from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from strategies import plain_values, texts

from rnnbench.config.load import dump, load
from rnnbench.config.schema import Benchmark, ModelName, Name
from rnnbench.models.baselines import BASELINES
from rnnbench.models.descriptions import BaselineModel, ModelSection
from rnnbench.models.layers import LAYERS, Layer, Layers, parse_layers
from rnnbench.section import Section, Variant
from rnnbench.tracking import TRACKERS, TrackerNames
from rnnbench.training.settings import Training

DENSE = {"dense": {"units": "topics", "activation": "softmax"}}
SMALL = {"name": "small", "models": {"rnn": {"layers": [{"simple_rnn": {"units": 2}}, DENSE]}}}


def dumped_and_loaded(benchmark: Benchmark, folder: Path = Path()) -> Benchmark:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(dump(benchmark, folder), encoding="utf-8")
    return load(folder / "config.yaml")


def test_a_dump_keeps_letters_readable():
    assert "path: Büro/Reuters\n" in dump(load(SMALL | {"data": {"path": "Büro/Reuters"}}), Path())


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("configs/corpus", "results/small"),
        ("corpus", "configs"),
        ("/corpora/reuters", "results/small"),
        ("configs/corpus", "link"),
    ],
)
def test_a_dump_names_the_same_data_from_another_folder(path, folder):
    Path("far/away").mkdir(parents=True)
    Path("link").symlink_to("far/away")
    benchmark = load(SMALL | {"data": {"path": path}})
    assert "path: ../" in dump(benchmark, Path(folder)), "so that all can be moved"
    again = dumped_and_loaded(benchmark, Path(folder))
    assert again.data.path.resolve() == benchmark.data.path.resolve()


# Any benchmark, drawn from the fields of its sections.

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,7}", fullmatch=True)
point_names = st.from_regex(r"[a-z]{1,3}\[[a-z]=[0-9]\.[0-9]\]", fullmatch=True)


def values(hint: Any, *limits: Any) -> st.SearchStrategy:  # noqa: PLR0911 - one a kind of type
    """Return values for a field of this type, within the limits that ``Field`` sets."""
    origin, args = get_origin(hint), get_args(hint)
    if hint in (Name, ModelName, Layers):
        return {Name: names, ModelName: names | point_names, Layers: stacks()}[hint]
    if hint == TrackerNames:
        return st.lists(st.sampled_from(list(TRACKERS)))
    if origin is Annotated:
        more = [limit for arg in args[1:] for limit in getattr(arg, "metadata", [arg])]
        return values(args[0], *limits, *more)
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, UnionType):
        return st.one_of([values(arg) for arg in args])
    if origin is dict:
        return st.dictionaries(values(args[0]), values(args[1]), min_size=1, max_size=3)
    if origin is tuple:
        return st.lists(values(args[0]), min_size=1, max_size=3, unique=True)
    if isinstance(hint, type) and issubclass(hint, Section):
        return variants(hint) if issubclass(hint, Variant) else sections(hint)
    return scalars(hint, limits)


def scalars(hint: Any, limits: Any) -> st.SearchStrategy:
    limit = {
        name: getattr(each, name)
        for each in limits
        for name in ("gt", "ge", "lt", "le", "pattern")
        if hasattr(each, name)
    }
    low, high = limit.get("ge", limit.get("gt", 1)), limit.get("le", limit.get("lt", 100_000))
    no_low, no_high = "gt" in limit, "lt" in limit
    return {
        bool: st.booleans(),
        int: st.integers(low + no_low, high - no_high),
        float: st.floats(low, high, exclude_min=no_low, exclude_max=no_high),
        str: st.from_regex(limit["pattern"], fullmatch=True) if "pattern" in limit else texts,
        NoneType: st.none(),
        Path: names,
        Any: plain_values,
    }[hint]


def variants(base: type[Variant]) -> st.SearchStrategy:
    """Return ``{kind: parameters}`` of every kind that is a ``base``."""
    kinds = [kind for kind in [*LAYERS.values(), *BASELINES.values()] if issubclass(kind, base)]
    return st.one_of([st.fixed_dictionaries({kind.kind: sections(kind)}) for kind in kinds])


@cache
def fields(section: type[Section]) -> st.SearchStrategy:
    hints = get_type_hints(section, include_extras=True)
    found = {key: (field, values(hints[key])) for key, field in section.model_fields.items()}
    if issubclass(section, ModelSection):
        found["training"] = (section.model_fields["training"], own_training(section))
    return st.fixed_dictionaries(
        {key: drawn for key, (field, drawn) in found.items() if field.is_required()},
        optional={key: drawn for key, (field, drawn) in found.items() if not field.is_required()},
    )


def own_training(model: type[ModelSection]) -> st.SearchStrategy:
    """Return values of ``training`` that a single model may have."""
    allowed = {"validation_split"} if model is BaselineModel else set(Training.model_fields)
    return sections(Training).map(
        lambda facts: {key: facts[key] for key in allowed & set(facts) - {"seeds"}}
    )


def sections(section: type[Section]) -> st.SearchStrategy:
    """Return valid sections, as YAML has them."""

    def valid_part(facts: dict[str, Any]) -> dict[str, Any]:
        for key in [None, *section.model_fields]:
            facts.pop(key, None)
            if is_valid(section.model_validate, facts):
                return facts
        return reject()

    return st.deferred(lambda: fields(section)).map(valid_part)


@st.composite
def stacks(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw layers of any kinds that fit together."""
    ends = [[{"pooling": {"by": "last"}}, DENSE], [DENSE]]
    layers: list[dict[str, Any]] = []
    stack = ends[0]
    for layer in draw(st.lists(values(Layer), max_size=4)):
        longer = [[*layers, layer, *end] for end in ends]
        if fitting := [each for each in longer if is_valid(parse_layers, each)]:
            layers, stack = [*layers, layer], fitting[0]
    return stack


def is_valid(parse: Any, value: Any) -> bool:
    try:
        parse(value)
    except ValidationError:
        return False
    return True


@settings(max_examples=60)
@given(facts=sections(Benchmark))
def test_every_benchmark_that_is_dumped_loads_again(facts):
    benchmark = Benchmark.model_validate(facts)
    again = dumped_and_loaded(benchmark)
    assert again == benchmark
    assert list(again.models) == list(benchmark.models)
