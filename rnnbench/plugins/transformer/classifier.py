"""A transformer that classifies, and its training. Importing this module imports
PyTorch.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    get_linear_schedule_with_warmup,
)

from rnnbench.errors import UserError
from rnnbench.labels import Labels
from rnnbench.models.layers import Shape
from rnnbench.plugins.transformer.model import PARTS, Transformer, folder_of
from rnnbench.tasks import MULTI_LABEL, SINGLE_LABEL, Decision
from rnnbench.training.epochs import Documents, TrainingSettings
from rnnbench.training.outcome import Weights

AT_ONCE = 64  # documents that are scored together
DROPOUT = 0.1  # share of the inputs of the new layer that is dropped
# so many times the rate of the other layers, as the new one has learned nothing yet
FASTER = 10
NO_PIECE = -1  # fills a row after the last piece of a document
LOCAL = {"local_files_only": True, "trust_remote_code": False}
Floats = NDArray[np.float32]
Pieces = NDArray[np.int32]  # documents as ids of pieces of words, ``(n, pieces)``


class Classifier:
    """A transformer with a new layer above the mean of its last states, and its
    tokenizer.
    """

    def __init__(self, section: Transformer, shape: Shape, seed: int = 0):
        self.section, self.shape, folder = section, shape, folder_of(section.name)
        torch.manual_seed(seed)
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder, **LOCAL)
            self.body, found = AutoModel.from_pretrained(
                folder,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                **LOCAL,
            )
            self.net = _with_last_layer(self.body, shape)
            for key in sorted(found["missing_keys"]):
                if not key.startswith("pooler."):
                    raise ValueError(f"it has no weights called {key}")
            if self.tokenizer.pad_token_id is None:
                raise ValueError("its tokenizer cannot pad (use a model such as BERT)")
            self.logits(
                self.pieces(["a"])
            )  # it may have other inputs or outputs than BERT
        except (
            Exception
        ) as error:  # wrong files make transformers raise almost anything
            raise _unloadable(section.name, error) from error
        if section.max_length > (most := self.tokenizer.model_max_length):
            raise UserError(
                f"transformer.max_length: got {section.max_length} (at most {most})"
            )

    def pieces(self, texts: Sequence[str]) -> Pieces:
        """Return the first pieces of texts, ``(n, pieces)``."""
        cut = {"truncation": True, "max_length": self.section.max_length}
        padded = {
            "padding": True,
            "padding_side": "right",
            "return_attention_mask": True,
        }
        found = self.tokenizer([*texts], return_tensors="np", **cut, **padded)
        return np.where(found["attention_mask"], found["input_ids"], NO_PIECE).astype(
            np.int32
        )

    def __call__(self, x: Pieces) -> torch.Tensor:
        """Return the logits of documents, ``(n, n_topics)``."""
        pieces = torch.from_numpy(x[:, : max(1, lengths_of(x).max())]).long()
        mask = pieces != NO_PIECE
        ids = pieces.where(mask, self.tokenizer.pad_token_id)
        states = self.body(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        seen = mask.unsqueeze(-1)
        return self.net[1:](states.where(seen, 0.0).sum(1) / seen.sum(1).clamp(min=1))

    def logits(self, x: Pieces) -> Floats:
        """Return the logits of documents without dropout, ``(n, n_topics)``."""
        found = np.empty((len(x), self.shape.n_topics), np.float32)
        self.net.eval()
        with torch.inference_mode():
            for rows in by_length(x, AT_ONCE):
                found[rows] = self(x[rows]).numpy()
        return found

    def score(self, x: Pieces) -> Floats:
        """Return the log-probabilities of documents, ``(n, n_topics)``."""
        logits = torch.from_numpy(self.logits(x))
        logs = (
            logits.log_softmax(1)
            if self.shape.has_one_label
            else functional.logsigmoid(logits)
        )
        return np.asarray(logs.numpy())

    def losses(self, logits: torch.Tensor, y: Labels) -> torch.Tensor:
        """Return the cross-entropy of each document, ``(n,)``; the mean over topics if
        several.
        """
        truth = torch.from_numpy(y)
        if self.shape.has_one_label:
            return functional.cross_entropy(logits, truth.long(), reduction="none")
        entropy = functional.binary_cross_entropy_with_logits
        return entropy(logits, truth.float(), reduction="none").mean(1)

    def judge(self, logits: Floats, y: Labels) -> tuple[float, float]:
        """Return the mean loss, and the accuracy or the micro-F1 at a probability of
        0.5.
        """
        task = SINGLE_LABEL if self.shape.has_one_label else MULTI_LABEL
        loss = float(self.losses(torch.from_numpy(logits), y).mean())
        return loss, task.score(y, task.answers(logits, Decision(threshold=0.0)))

    def weights(self) -> Weights:
        return [own.detach().numpy().copy() for own in self.net.parameters()]

    def load(self, weights: Weights) -> None:
        """Replace its weights; ``ValueError`` is raised if they have other shapes."""
        with torch.no_grad():
            for own, value in zip(self.net.parameters(), weights, strict=True):
                if own.shape != value.shape:
                    raise ValueError(f"{value.shape} in place of {tuple(own.shape)}")
                own.copy_(torch.from_numpy(value))


def _with_last_layer(body: nn.Module, shape: Shape) -> nn.Sequential:
    """Return a transformer without its pooler, with dropout and a new layer."""
    if body.config.is_encoder_decoder:
        raise ValueError("it has a decoder (use a model such as BERT)")
    body.pooler = None
    last = nn.Linear(body.config.hidden_size, shape.n_topics)
    return nn.Sequential(body, nn.Dropout(DROPOUT), last)


def train(
    classifier: Classifier, data: Documents, recipe: TrainingSettings, seed: int
) -> Iterator[Floats]:
    """Train a classifier, in the order of ``TrainingSettings.batches``; yield the logits of each
    epoch.
    """
    (x, y), net, section = data, classifier.net, classifier.section
    weights, n = torch.from_numpy(recipe.weights_of(y)), len(y)
    if (
        not classifier.shape.has_one_label
    ):  # few epochs would be spent on how rare most topics are
        share = torch.from_numpy(
            (y.sum(0) + 0.5) / (len(y) + 1)
        )  # half a document on each side
        net[-1].bias.data.copy_(share.logit())
    body: list[nn.Parameter] = [*classifier.body.parameters()]
    rate: Any = recipe.learning_rate
    groups = [  # biases, norms and the new layer do not shrink
        {"params": [own for own in body if own.ndim > 1]},
        {"params": [own for own in body if own.ndim < 2], "weight_decay": 0.0},
        {"params": net[-1].parameters(), "lr": FASTER * rate, "weight_decay": 0.0},
    ]
    decay, steps = section.weight_decay, recipe.epochs * recipe.count_batches(n)
    optimizer = torch.optim.AdamW(groups, rate, weight_decay=decay, fused=True)
    schedule = get_linear_schedule_with_warmup(
        optimizer, int(section.warmup * steps), steps
    )
    for epoch in range(1, recipe.epochs + 1):
        logits = np.empty((n, classifier.shape.n_topics), np.float32)
        net.train()
        for rows in recipe.batches(n, seed, epoch):
            logits[rows] = add_gradients(classifier, x[rows], y[rows], weights[rows])
            nn.utils.clip_grad_norm_(net.parameters(), recipe.gradient_clip or np.inf)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        yield logits


def add_gradients(
    classifier: Classifier, x: Pieces, y: Labels, weights: torch.Tensor
) -> Floats:
    """Add the gradients of the mean loss of documents, part by part; return their
    logits.
    """
    logits = np.empty((len(y), classifier.shape.n_topics), np.float32)
    for part in by_length(x, -(-len(y) // PARTS)):
        found = classifier(x[part])
        (classifier.losses(found, y[part]) @ weights[part] / len(y)).backward()
        logits[part] = found.detach().numpy()
    return logits


def lengths_of(x: Pieces) -> NDArray[np.intp]:
    """Return the number of pieces of each document, ``(n,)``."""
    return np.asarray(np.count_nonzero(x != NO_PIECE, axis=1))


def by_length(x: Pieces, most: int) -> Iterator[NDArray[np.intp]]:
    """Yield the positions of documents, up to ``most`` of similar length at once."""
    order = np.argsort(lengths_of(x), kind="stable")
    yield from np.split(order, range(most, len(order), most))


def _unloadable(name: str, error: Exception) -> UserError:
    reason = str(error).partition("\n")[0]
    return UserError(f"transformer.name: {name} cannot be loaded: {reason}")


def count_params(name: str, shape: Shape) -> int:
    """Return the number of weights of a classifier, without making them."""
    folder = folder_of(name)
    try:
        config = AutoConfig.from_pretrained(folder, **LOCAL)
        with torch.device("meta"):
            net = _with_last_layer(AutoModel.from_config(config), shape)
    except Exception as error:  # wrong files make transformers raise almost anything
        raise _unloadable(name, error) from error
    return sum(own.numel() for own in net.parameters())
