"""A transformer that classifies, and its training.

Importing this module imports PyTorch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.lr_scheduler import LRScheduler
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


class FineTuning:
    """The training of a classifier, in the order of the settings' ``batches``.

    Attributes:
        logits: those of the documents in the epoch in progress, ``(n, n_topics)``.
        n_done: the steps of this epoch so far.
    """

    def __init__(
        self,
        classifier: FineTuned,
        documents: tuple[Pieces, Labels],
        loss_weights: Floats,
        settings: TrainingSettings,
        seed: int,
    ):
        self.classifier = classifier
        self.x, self.y = documents
        self.loss_weights = torch.from_numpy(loss_weights)
        self.settings = settings
        self.seed = seed
        n = len(self.y)
        self.logits = np.empty((n, classifier.shape.n_topics), np.float32)
        self.n_done = 0
        classifier.loss.start(classifier.net[-1].bias.data, self.y)
        self.optimizer = _optimizer(classifier, float(settings.learning_rates(1)[0]))
        self.schedule = self._schedule_after(0)

    def _schedule_after(self, steps: int) -> LRScheduler:
        """Return the schedule of the rate after so many steps."""
        total = self.settings.epochs * self.settings.count_batches(len(self.y))
        warmup = int(self.classifier.config.warmup * total)
        for group in self.optimizer.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"])
        return get_linear_schedule_with_warmup(
            self.optimizer, warmup, total, last_epoch=steps - 1
        )

    def train(self, epoch: int, pause: Callable[[], None]) -> tuple[float, float]:
        """Train for the rest of an epoch; return the mean loss and the score in it.

        ``pause`` is called after each step; ``state`` may be, too.
        """
        net = self.classifier.net
        clip = self.settings.gradient_clip or np.inf
        net.train()
        batches = self.settings.batches(len(self.y), self.seed, epoch)
        for rows in batches[self.n_done :]:
            weights = self.loss_weights[rows]
            self.logits[rows] = add_gradients(
                self.classifier, self.x[rows], self.y[rows], weights
            )
            nn.utils.clip_grad_norm_(net.parameters(), clip)
            self.optimizer.step()
            self.schedule.step()
            self.optimizer.zero_grad()
            self.n_done += 1
            pause()
        self.n_done = 0
        seen = np.unique(np.concatenate(batches))
        return self.classifier.judge(self.logits[seen], self.y[seen])

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return what the next step depends on, for ``restore``."""
        state: dict[str, NDArray[np.generic]] = {
            "done": np.array([self.n_done]),
            "logits": self.logits,
            "random": torch.get_rng_state().numpy(),
        }
        for name, tensor in self._tensors():
            state[name] = tensor.numpy()
        return state

    def restore(self, state: Mapping[str, NDArray[np.generic]], epoch: int) -> None:
        """Continue in an epoch with what ``state`` has returned.

        ``ValueError`` or ``KeyError`` is raised if it was that of another training.
        """
        in_epoch = self.settings.count_batches(len(self.y))
        n_done = int(state["done"].item())
        if not 0 <= n_done <= in_epoch or epoch > self.settings.epochs:
            raise ValueError(f"{n_done} steps of epoch {epoch} are done")
        self.n_done = n_done
        self.logits[...] = state["logits"]
        steps = (epoch - 1) * in_epoch + n_done
        for name, tensor in self._tensors(steps):
            tensor.numpy()[...] = state[name]
        self.schedule = self._schedule_after(steps)
        try:
            torch.set_rng_state(torch.from_numpy(state["random"]))
        except (TypeError, RuntimeError) as error:
            raise ValueError(f"random numbers: {error}") from error

    def _tensors(self, steps: int = 0) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the weights and the state of the optimizer for each, with their names.

        If a weight has no state, one after so many ``steps`` is made.
        """
        for name, weight in self.classifier.net.named_parameters():
            if not self.optimizer.state[weight]:
                self.optimizer.state[weight] = {
                    "step": torch.tensor(float(steps)),
                    "exp_avg": torch.zeros_like(weight),
                    "exp_avg_sq": torch.zeros_like(weight),
                }
            moments = self.optimizer.state[weight]
            yield f"weight {name}", weight.detach()
            yield f"mean {name}", moments["exp_avg"]
            yield f"square {name}", moments["exp_avg_sq"]


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
