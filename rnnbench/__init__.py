"""A benchmark of sequence classifiers on Reuters newswires.

``__init__.pyi`` names everything that a program may import, and ``plugin.pyi`` what a
plug-in may import besides; all other modules are private. A name is imported when it is
first used, so ``import rnnbench`` is quick.

>>> import rnnbench
>>> run = rnnbench.run("configs/smoke.yaml", seeds=3)  # doctest: +SKIP
>>> run.to_frame()  # doctest: +SKIP
"""

import warnings
from importlib import import_module

import lazy_loader

__version__ = "1.0.0rc1"

_public_name, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
_IN_PLUGIN = {
    "Baseline",
    "BaselineModel",
    "Batch",
    "Command",
    "Corpus",
    "Dataset",
    "Engine",
    "EpochEnded",
    "Executor",
    "Explanation",
    "FitRequest",
    "History",
    "Layer",
    "Listener",
    "Metric",
    "Network",
    "OnEpoch",
    "PluginError",
    "Product",
    "ReportSection",
    "Results",
    "RunPlot",
    "SeedOf",
    "Shape",
    "SingleLabel",
    "Source",
    "Table",
    "Task",
    "TaskKind",
    "Tracker",
    "TrainingSettings",
    "Trial",
    "TrialFailure",
    "TrialRecord",
    "TrialResult",
    "corpus_of_words",
    "hold_out",
    "log_probabilities",
}
"""Names that packages may still import from here, though they are in the module for
plug-ins."""
_RENAMED = {"Assignment": "FitRequest", "Recipe": "TrainingSettings"}


def __getattr__(name: str) -> object:
    """Return a public name, or with a warning one of the module for plug-ins."""
    current = _RENAMED.get(name, name)
    if current not in _IN_PLUGIN:
        return _public_name(name)
    message = f"rnnbench.{name} is now rnnbench.plugin.{current}"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    plugin = import_module("rnnbench.plugin")
    return getattr(plugin, current)
