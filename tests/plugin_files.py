"""Small packages with plug-ins, and modules that make models, for tests."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

EXAMPLE = Path(__file__).parents[1] / "examples/plugin/my_package"
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


def look_again(*registries):
    """Have registries look for plug-ins as after an installation."""
    for registry in registries:
        registry.forget_plugins()


def write_module(folder, name, source):
    """Write a module ``package.name``, and the packages around it."""
    file = folder.joinpath(*name.split(".")).with_suffix(".py")
    file.parent.mkdir(parents=True, exist_ok=True)
    for package in file.relative_to(folder).parents:
        if package != Path():
            (folder / package / "__init__.py").touch()
    file.write_text(dedent(source))
    return file


def write_distribution(
    folder, entries, modules, *, group="rnnbench.layers", name="made-up", version="1.2"
):
    """Write an installed distribution; return the folder to put on the path.

    The places of plug-ins, ``module:Class``, and the sources of modules are given by
    name.
    """
    for module, source in modules.items():
        write_module(folder, module, source)
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    lines = "".join(f"{name} = {place}\n" for name, place in entries.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")
    return folder


def example(name):
    """Return the source of a module of the package in ``examples/plugin``."""
    return (EXAMPLE / f"{name}.py").read_text()


def write_scale(folder, **options):
    layers = example("layers").replace("my_package.keras_layers", "made_up_keras")
    modules = {"made_up_layers": layers, "made_up_keras": example("keras_layers")}
    return write_distribution(
        folder, {"scale": "made_up_layers:Scale"}, modules, **options
    )


def write_nearest(folder, **options):
    entries = {"nearest": "made_up_baselines:Nearest"}
    modules = {"made_up_baselines": example("baselines")}
    return write_distribution(
        folder, entries, modules, group="rnnbench.baselines", **options
    )


def run_rnnbench(*arguments, site, cwd=None):
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
