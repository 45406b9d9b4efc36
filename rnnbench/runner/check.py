"""Checking a benchmark without training: its data can be read, and its networks can be built."""

from rnnbench.config.schema import Benchmark
from rnnbench.data.load import NotCachedError, prepare
from rnnbench.data.settings import Data
from rnnbench.errors import RnnbenchError
from rnnbench.models.describe import describe
from rnnbench.models.descriptions import Network
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.models.shape import Shape

ASSUMED = "(sizes are assumed; `rnnbench data prepare` gets the documents)"
TOPICS = {"r8": 8, "r52": 52}


def build_all(benchmark: Benchmark) -> dict[str, str]:
    """Read the data that is at hand, and build every network once.

    Returns:
        What is wrong, by the key in the config: ``data`` or ``models.NAME``.
    """
    try:
        shape, remark = Shape.of(prepare(benchmark.data, offline=True).dataset), ""
    except NotCachedError:
        shape, remark = _typical_shape(benchmark.data), f" {ASSUMED}"
    except RnnbenchError as error:
        return {"data": str(error)}
    faults = {}
    for name, model in benchmark.models.items():
        if isinstance(model, Network):
            try:
                with quiet_tensorflow():
                    describe(model, shape)
            except RnnbenchError as error:
                faults[f"models.{name}"] = f"{error}{remark}"
    return faults


def _typical_shape(data: Data) -> Shape:
    """Return a likely shape of a dataset whose documents are not in the cache."""
    timesteps = data.pad_length or (data.maxlen or 101) - 1
    return Shape(timesteps, TOPICS.get(data.source, 46), n_ids=data.num_words or 30_000)
