"""Small packages with plug-ins, and modules that make models, for tests."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

SCALE = '''
    """A layer that multiplies each feature with a number that it learns."""
    from rnnbench.models.layers import Layer


    class Scale(Layer):
        """Multiplies each feature with a number that it learns."""

        kind = "scale"
        start: float = 1.0

        def keras_layer(self, shape, seed_of):
            from made_up_keras import ScaleLayer

            return ScaleLayer(self.start)
'''

SCALE_IN_KERAS = """
    import keras


    @keras.saving.register_keras_serializable(package="made_up")
    class ScaleLayer(keras.layers.Layer):
        def __init__(self, start, **kwargs):
            super().__init__(**kwargs)
            self.start = start

        def build(self, input_shape):
            start = keras.initializers.Constant(self.start)
            self.factor = self.add_weight(shape=(input_shape[-1],), initializer=start)

        def call(self, inputs):
            return inputs * self.factor

        def get_config(self):
            return super().get_config() | {"start": self.start}
"""

NEAREST = """
    from rnnbench.models.baselines import Baseline


    class Nearest(Baseline):
        '''The topic of the nearest texts.'''

        kind = "nearest"
        k: int = 1

        def pipeline(self, seed):
            from sklearn.feature_extraction.text import CountVectorizer
            from sklearn.neighbors import KNeighborsClassifier
            from sklearn.pipeline import make_pipeline

            return make_pipeline(CountVectorizer(), KNeighborsClassifier(self.k))
"""

MAKE = """
    import keras


    def make(shape, units=3, **options):
        return keras.Sequential(
            [
                keras.Input((shape.timesteps,), dtype="int32"),
                keras.layers.Embedding(shape.n_ids, units, **options),
                keras.layers.GlobalAveragePooling1D(),
                keras.layers.Dense(shape.n_topics, activation="softmax"),
            ]
        )
"""
"""A module with a function that makes a model."""


def write_module(folder: Path, name: str, source: str) -> Path:
    """Write a module ``package.name``, and the packages around it."""
    file = folder.joinpath(*name.split(".")).with_suffix(".py")
    file.parent.mkdir(parents=True, exist_ok=True)
    for package in file.relative_to(folder).parents:
        if package != Path():
            (folder / package / "__init__.py").touch()
    file.write_text(dedent(source))
    return file


def write_distribution(
    folder: Path,
    entries: Mapping[str, str],
    modules: Mapping[str, str],
    *,
    group: str = "rnnbench.layers",
    name: str = "made-up",
    version: str = "1.2",
) -> Path:
    """Write an installed distribution; return the folder to put on the path.

    Args:
        folder: where to.
        entries: the place of each plug-in, ``module:Class``, by name.
        modules: the source of each module, by name.
        group: the entry-point group of the plug-ins.
        name: of the distribution.
        version: of the distribution.
    """
    for module, source in modules.items():
        write_module(folder, module, source)
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = "".join(f"{name} = {place}\n" for name, place in entries.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")
    return folder


def write_scale(folder: Path, **facts: str) -> Path:
    """Write a distribution with the layer ``scale``."""
    modules = {"made_up_layers": SCALE, "made_up_keras": SCALE_IN_KERAS}
    return write_distribution(folder, {"scale": "made_up_layers:Scale"}, modules, **facts)


def write_nearest(folder: Path, **facts: str) -> Path:
    """Write a distribution with the baseline ``nearest``."""
    entries, modules = {"nearest": "made_up_baselines:Nearest"}, {"made_up_baselines": NEAREST}
    return write_distribution(folder, entries, modules, group="rnnbench.baselines", **facts)


def run_rnnbench(
    *arguments: object, site: Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with the packages in ``site`` installed.

    If a working folder is given, it has the cache too.
    """
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    cache = {"RNNBENCH_CACHE": str(cwd / "cache")} if cwd else {}
    return subprocess.run(
        [sys.executable, "-m", "rnnbench", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path} | cache,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
