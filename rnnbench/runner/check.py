"""Checking a benchmark without training: its data can be read, and its networks can be built."""

from collections.abc import Mapping
from dataclasses import dataclass

from rnnbench.config.schema import Benchmark
from rnnbench.data.dataset import Dataset, hold_out
from rnnbench.data.load import NotCachedError, prepare
from rnnbench.data.settings import Data
from rnnbench.errors import RnnbenchError
from rnnbench.models.describe import describe
from rnnbench.models.descriptions import Network
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.models.shape import Shape

ASSUMED = "(sizes are assumed; `rnnbench data prepare` gets the documents)"
TOPICS = {"r8": 8, "r52": 52}


@dataclass(frozen=True)
class Check:
    """The outcome of reading the data and building every network.

    Attributes:
        faults: what is wrong, by the key in the config: ``data``, ``training`` or ``models.NAME``.
        dataset: the documents; ``None`` if they are not at hand.
        params: the number of trained parameters of each network.
    """

    faults: Mapping[str, str]
    dataset: Dataset | None
    params: Mapping[str, int]


def check(benchmark: Benchmark) -> Check:
    """Read the data that is at hand, and build every network once."""
    dataset = None
    try:
        dataset = prepare(benchmark.data, offline=True).dataset
        shape, remark = Shape.of(dataset), ""
        for name in benchmark.models:
            hold_out(len(dataset.y_train), benchmark.training_of(name).validation_split)
    except NotCachedError:
        shape, remark = _typical_shape(benchmark.data), f" {ASSUMED}"
    except RnnbenchError as error:
        section = "data" if dataset is None else "training"
        return Check({section: str(error)}, None, {})
    faults, params = {}, {}
    sizes: dict[str, int] = {}  # points of a grid may have the same network
    for name, model in benchmark.models.items():
        if isinstance(model, Network):
            description = model.model_dump_json(exclude={"training"})
            try:
                if description not in sizes:
                    with quiet_tensorflow():
                        sizes[description] = describe(model, shape).trainable_params
                params[name] = sizes[description]
            except RnnbenchError as error:
                faults[f"models.{name}"] = f"{error}{remark}"
    return Check(faults, dataset, params)


def _typical_shape(data: Data) -> Shape:
    """Return a likely shape of a dataset whose documents are not in the cache."""
    timesteps = data.pad_length or (data.maxlen or 101) - 1
    return Shape(timesteps, TOPICS.get(data.source, 46), n_ids=data.num_words or 30_000)
