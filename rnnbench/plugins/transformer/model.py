"""A pretrained transformer as a model of a config."""

import json
from math import ceil
from typing import ClassVar

from pydantic import model_validator

from rnnbench import UserError
from rnnbench.plugin import (
    Network,
    NotCachedError,
    Product,
    Progress,
    Shape,
    call,
    problem,
)
from rnnbench.plugins.transformer.config import PARTS, Transformer
from rnnbench.plugins.transformer.files import find, folder_of, sha256_of, why_not

# keys that ``training`` has, too
OWN_TRAINING = ("batch_size", "epochs", "learning_rate")
PIECES = 1.15  # that a tokenizer makes of a word of Reuters-21578, on average
GIGABYTES = 0.7  # of a process with PyTorch
WIDTH = 768  # of the states of a model whose config does not say it: that of BERT
LAYERS = 12


class TransformerModel(Network):
    """A pretrained transformer, fine-tuned on the words of the training documents."""

    kind: ClassVar[str] = "transformer"
    engine: ClassVar[str] = "transformers"
    reads_words: ClassVar[bool] = True
    pretrained = "language model"
    transformer: Transformer

    @model_validator(mode="after")
    def _says_it_once(self) -> "TransformerModel":
        for key in OWN_TRAINING:
            if self.training and key in self.training:
                raise problem(f"training: {key}", "allowed: as a key of transformer")
        return self

    @property
    def own_training(self) -> dict[str, object]:
        values: dict[str, object] = {
            "optimizer": "adamw",
            "gradient_clip": 1.0,
            "ema": None,
        }
        values |= self.transformer.model_dump(include={*OWN_TRAINING})
        return values | (self.training or {})

    @property
    def loaded(self) -> dict[str, str]:  # type: ignore[override]
        name = self.transformer.name
        return {name: sha256_of(name)}

    def fetch(self, progress: Progress) -> None:
        _check_installed()
        folder_of(self.transformer.name, progress)

    def in_short(self) -> str:
        values = self.transformer.model_dump(exclude_defaults=True, exclude={"name"})
        return call(self.transformer.name, values)

    def count_params(self, shape: Shape) -> int:
        _check_installed()
        name = self.transformer.name
        if not find(name):
            raise NotCachedError(f"{name} is not on this machine (a run gets it)")
        from rnnbench.plugins.transformer.classifier import count_params

        return count_params(name, shape)

    def products(self, batch_size: int, shape: Shape) -> list[Product]:
        """Return the products of its layers, 12 width² weights each.

        Attention is left out.
        """
        name = self.transformer.name
        folder = find(name)
        if not folder:
            return []
        try:
            sizes = json.loads((folder / "config.json").read_bytes())
            width = int(sizes.get("hidden_size") or sizes.get("dim") or WIDTH)
            layers = sizes.get("num_hidden_layers") or sizes.get("n_layers") or LAYERS
            count = 9 * int(layers)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            fault = f"transformer.name: {name}: config.json: {error}"
            raise UserError(fault) from error
        pieces = min(round(shape.timesteps * PIECES), self.transformer.max_length)
        return [Product(batch_size * pieces, width, 4 * width, count=count)]

    def memory(self, shape: Shape) -> float:
        """Return gigabytes of the process.

        It holds weights, their gradients and averages, and the outputs of a part.
        """
        products = self.products(1, shape)
        if not products:
            return 0
        documents = ceil(self.transformer.batch_size / PARTS)
        outputs = documents * self.transformer.max_length * 10
        (product,) = products
        numbers = (
            16 * self.count_params(shape) + outputs * product.inner * product.count
        )
        return GIGABYTES + numbers / 1e9


def _check_installed() -> None:
    if reason := why_not():
        raise UserError(f"transformer: {reason}")
