"""A config of documents with any number of topics, for tests that train on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from factories import corpus_of_several
from in_process import InProcess

import rnnbench
from rnnbench.data.source import Source
from rnnbench.data.sources import SOURCES
from rnnbench.runner.executors import EXECUTORS

RNN = [
    {"embedding": {"dim": 2}},
    {"simple_rnn": {"units": 2}},
    {"dense": {"units": "topics", "activation": "sigmoid"}},
]
TRAINING = {"epochs": 2, "batch_size": 8, "seeds": 2, "validation_split": 0.25}


@contextmanager
def config_of_several_topics(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield a config whose source, ``several``, exists meanwhile."""

    def read(_):
        corpus = corpus_of_several(120, named=0.8)
        return replace(corpus, provenance={"from": "nowhere"})

    source = Source("several", "Made up.", "any file", read, str.split, split="modapte")
    file = folder / "any.txt"
    file.touch()
    with SOURCES.override("several", source):
        yield {
            "name": "several",
            "data": {"source": "several", "path": str(file)},
            "training": dict(TRAINING),
            "models": {
                "rnn": {"layers": RNN},
                "svm": {"baseline": "tfidf_linear_svm"},
                "always": {"baseline": "most_frequent"},
            },
        }


@contextmanager
def run_of_several_topics(
    folder: Path, models: dict[str, Any], **options: Any
) -> Iterator[rnnbench.Run]:
    """Yield a run of that config with more models, trained in this process."""
    with (
        config_of_several_topics(folder) as config,
        EXECUTORS.override("local", InProcess),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("RNNBENCH_CACHE", str(folder / "cache"))
        config["models"] |= models
        yield rnnbench.run(config, out=folder / "out", progress=False, **options)
