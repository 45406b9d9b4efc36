"""A transformer that classifies, and its training.

Importing this module imports PyTorch.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    get_linear_schedule_with_warmup,
)

from rnnbench import UserError
from rnnbench.plugin import Labels, Shape, TrainingSettings, Weights
from rnnbench.plugins.transformer.config import PARTS, Transformer
from rnnbench.plugins.transformer.files import folder_of
from rnnbench.plugins.transformer.losses import loss_of

AT_ONCE = 64  # documents that are scored together
DROPOUT = 0.1  # share of the inputs of the new layer that is dropped
# so many times the rate of the other layers, as the new one has learned nothing yet
FASTER = 10
NO_PIECE = -1  # fills a row after the last piece of a document
Floats = NDArray[np.float32]
Pieces = NDArray[np.int32]  # documents as ids of pieces of words, ``(n, pieces)``


class FineTuned:
    """A transformer and its tokenizer, with a new layer above its mean state."""

    def __init__(self, config: Transformer, shape: Shape, seed: int = 0):
        self.config = config
        self.shape = shape
        self.loss = loss_of(shape)
        folder = folder_of(config.name)
        torch.manual_seed(seed)
        try:
            self._load_files(folder)
        except Exception as error:  # wrong files make transformers raise almost all
            raise _unloadable(config.name, error) from error
        most = self.tokenizer.model_max_length
        if config.max_length > most:
            fault = f"got {config.max_length} (at most {most})"
            raise UserError(f"transformer.max_length: {fault}")

    def _load_files(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        self.body, report = AutoModel.from_pretrained(
            folder,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            local_files_only=True,
            trust_remote_code=False,
        )
        self.net = _with_last_layer(self.body, self.shape)
        for key in sorted(report["missing_keys"]):
            if not key.startswith("pooler."):
                raise ValueError(f"it has no weights called {key}")
        if self.tokenizer.pad_token_id is None:
            raise ValueError("its tokenizer cannot pad (use a model such as BERT)")
        self.logits(self.pieces(["a"]))  # its inputs or outputs may not be BERT's

    def pieces(self, texts: Sequence[str]) -> Pieces:
        """Return the first pieces of texts, ``(n, pieces)``."""
        encoded = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.config.max_length,
            padding=True,
            padding_side="right",
            return_attention_mask=True,
            return_tensors="np",
        )
        pieces = np.where(encoded["attention_mask"], encoded["input_ids"], NO_PIECE)
        return pieces.astype(np.int32)

    def __call__(self, x: Pieces) -> torch.Tensor:
        """Return the logits of documents, ``(n, n_topics)``."""
        longest = max(1, lengths_of(x).max())
        pieces = torch.from_numpy(x[:, :longest]).long()
        mask = pieces != NO_PIECE
        ids = pieces.where(mask, self.tokenizer.pad_token_id)
        states = self.body(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        seen = mask.unsqueeze(-1)
        mean = states.where(seen, 0.0).sum(1) / seen.sum(1).clamp(min=1)
        return self.net[1:](mean)

    def logits(self, x: Pieces) -> Floats:
        """Return the logits of documents without dropout, ``(n, n_topics)``."""
        logits = np.empty((len(x), self.shape.n_topics), np.float32)
        self.net.eval()
        with torch.inference_mode():
            for rows in by_length(x, AT_ONCE):
                logits[rows] = self(x[rows]).numpy()
        return logits

    def score(self, x: Pieces) -> Floats:
        """Return the log-probabilities of documents, ``(n, n_topics)``."""
        logits = torch.from_numpy(self.logits(x))
        return np.asarray(self.loss.log_probabilities(logits).numpy())

    def judge(self, logits: Floats, y: Labels) -> tuple[float, float]:
        """Return the mean loss, and the main metric at a probability of 0.5."""
        losses = self.loss.of_documents(torch.from_numpy(logits), y)
        return float(losses.mean()), self.loss.score(logits, y)

    def weights(self) -> Weights:
        """Return a copy of its weights."""
        return [weight.detach().numpy().copy() for weight in self.net.parameters()]

    def load(self, weights: Weights) -> None:
        """Replace its weights; ``ValueError`` is raised if they have other shapes."""
        with torch.no_grad():
            for weight, value in zip(self.net.parameters(), weights, strict=True):
                if weight.shape != value.shape:
                    expected = tuple(weight.shape)
                    raise ValueError(f"{value.shape} in place of {expected}")
                weight.copy_(torch.from_numpy(value))


def _with_last_layer(body: nn.Module, shape: Shape) -> nn.Sequential:
    """Return a transformer without its pooler, with dropout and a new layer."""
    if body.config.is_encoder_decoder:
        raise ValueError("it has a decoder (use a model such as BERT)")
    body.pooler = None
    last = nn.Linear(body.config.hidden_size, shape.n_topics)
    return nn.Sequential(body, nn.Dropout(DROPOUT), last)


def train(
    classifier: FineTuned,
    documents: tuple[Pieces, Labels],
    loss_weights: Floats,
    settings: TrainingSettings,
    seed: int,
) -> Iterator[Floats]:
    """Train a classifier, in the order of the settings' ``batches``.

    The logits of each epoch are yielded.
    """
    net = classifier.net
    x, y = documents
    n = len(y)
    weights = torch.from_numpy(loss_weights)
    classifier.loss.start(net[-1].bias.data, y)
    steps = settings.epochs * settings.count_batches(n)
    optimizer = _optimizer(classifier, float(settings.learning_rates(1)[0]))
    warmup = int(classifier.config.warmup * steps)
    schedule = get_linear_schedule_with_warmup(optimizer, warmup, steps)
    for epoch in range(1, settings.epochs + 1):
        logits = np.empty((n, classifier.shape.n_topics), np.float32)
        net.train()
        for rows in settings.batches(n, seed, epoch):
            logits[rows] = add_gradients(classifier, x[rows], y[rows], weights[rows])
            nn.utils.clip_grad_norm_(net.parameters(), settings.gradient_clip or np.inf)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        yield logits


def _optimizer(classifier: FineTuned, rate: float) -> torch.optim.Optimizer:
    """Return AdamW, which shrinks neither biases, nor norms, nor the new layer."""
    matrices = []
    others = []
    for weight in classifier.body.parameters():
        if weight.ndim > 1:
            matrices.append(weight)
        else:
            others.append(weight)
    last = classifier.net[-1].parameters()
    groups: list[dict[str, object]] = [
        {"params": matrices},
        {"params": others, "weight_decay": 0.0},
        {"params": last, "lr": FASTER * rate, "weight_decay": 0.0},
    ]
    decay = classifier.config.weight_decay
    return torch.optim.AdamW(groups, rate, weight_decay=decay, fused=True)


def add_gradients(
    classifier: FineTuned, x: Pieces, y: Labels, weights: torch.Tensor
) -> Floats:
    """Add the gradients of the mean loss of documents, part by part.

    Their logits are returned.
    """
    n = len(y)
    logits = np.empty((n, classifier.shape.n_topics), np.float32)
    for rows in by_length(x, -(-n // PARTS)):
        of_part = classifier(x[rows])
        losses = classifier.loss.of_documents(of_part, y[rows])
        (losses @ weights[rows] / n).backward()
        logits[rows] = of_part.detach().numpy()
    return logits


def lengths_of(x: Pieces) -> NDArray[np.intp]:
    """Return the number of pieces of each document, ``(n,)``."""
    return np.asarray(np.count_nonzero(x != NO_PIECE, axis=1))


def by_length(x: Pieces, most: int) -> Iterator[NDArray[np.intp]]:
    """Yield the positions of documents, up to ``most`` of similar length at once."""
    order = np.argsort(lengths_of(x), kind="stable")
    yield from np.split(order, range(most, len(order), most))


def _unloadable(name: str, error: Exception) -> UserError:
    reason, _, _ = str(error).partition("\n")
    return UserError(f"transformer.name: {name} cannot be loaded: {reason}")


def count_params(name: str, shape: Shape) -> int:
    """Return the number of weights of a classifier, without making them."""
    folder = folder_of(name)
    try:
        config = AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        with torch.device("meta"):
            net = _with_last_layer(AutoModel.from_config(config), shape)
    except Exception as error:  # wrong files make transformers raise almost anything
        raise _unloadable(name, error) from error
    return sum(weight.numel() for weight in net.parameters())
