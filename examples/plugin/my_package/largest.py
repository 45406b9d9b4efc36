"""The work of the command ``largest``."""

import rnnbench


def largest(run: str):
    """Print the model of RUN with the most parameters."""
    models = rnnbench.load_run(run).results.models
    print(max(models, key=lambda model: model.params).name)
