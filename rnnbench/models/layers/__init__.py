"""The layers of networks. Each kind is one class, in the file of its family."""

from rnnbench.models.layers.base import LARGEST, Batch, Layer, Product, SeedOf
from rnnbench.models.layers.stack import LAYERS, Layers, parse_layer, parse_layers

__all__ = [
    "LARGEST",
    "LAYERS",
    "Batch",
    "Layer",
    "Layers",
    "Product",
    "SeedOf",
    "parse_layer",
    "parse_layers",
]
