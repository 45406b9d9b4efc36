"""The engine of transformers. PyTorch is imported when it is used."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnbench import UserError
from rnnbench.plugin import (
    Dataset,
    Engine,
    Epochs,
    FitRequest,
    Shape,
    TrainingSettings,
    TrialResult,
    Weights,
    begin,
)
from rnnbench.plugins.transformer.files import PACKAGES, why_not
from rnnbench.plugins.transformer.model import TransformerModel

if TYPE_CHECKING:
    from rnnbench.plugins.transformer.classifier import FineTuned

# PyTorch trains on the CPU, in as many processes as there are cores.
VARIABLES = {"CUDA_VISIBLE_DEVICES": "-1", "TOKENIZERS_PARALLELISM": "false"}


class Transformers(Engine[TransformerModel]):
    """Fine-tunes transformers by AdamW, with their own dropout.

    Before the new layer, the dropout is 0.1.
    """

    name = "transformers"
    packages = PACKAGES
    costs = (0.0, 10, 0.0)

    def prepare(self, threads: int) -> None:
        """Import PyTorch and transformers, which takes seconds, and limit threads."""
        os.environ |= VARIABLES
        if "transformers" not in sys.modules:
            begin("loading PyTorch")
        import torch
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        # All memory is written before it is read; to fill it takes 7 % of a step.
        torch.utils.deterministic.fill_uninitialized_memory = False

    def why_not(self) -> str:
        return why_not()

    def covers(self, model: object, settings: TrainingSettings) -> bool:
        if not isinstance(model, TransformerModel) or settings.ema:
            return False
        has_one_rate = isinstance(settings.learning_rate, float)
        return has_one_rate and settings.optimizer == "adamw"

    def fit(self, request: FitRequest[TransformerModel]) -> TrialResult:
        from rnnbench.plugins.transformer.classifier import FineTuned, FineTuning

        settings = request.settings
        begin("loading transformer")
        shape = Shape.of(request.dataset)
        classifier = FineTuned(request.model.transformer, shape, request.seed)
        request = request._replace(dataset=_in_pieces(request.dataset, classifier))
        documents, held_out = request.documents()
        y = documents[1]
        of_loss = request.loss_weights()
        begin()
        epochs = Epochs(request.on_epoch, settings.early_stopping)
        training = FineTuning(classifier, documents, of_loss, settings, request.seed)
        state = epochs.resume()
        if state:
            with epochs.checkpoint.blamed():
                training.restore(state, epochs.next_epoch)
            begin()

        def keep() -> None:
            epochs.keep(training.state)

        for epoch in range(epochs.next_epoch, settings.epochs + 1):
            trained = training.train(epoch, keep)
            judged = None
            if held_out:
                unseen_x, unseen_y = held_out
                judged = classifier.judge(classifier.logits(unseen_x), unseen_y)
            epochs.note(trained, judged, classifier.weights)
            if epochs.is_over:
                break
        if held_out:
            classifier.load(epochs.best_weights)
        weights = classifier.weights()
        params = sum(array.size for array in weights)
        record = epochs.record(self.name, params, settings, len(y))
        kept = None
        if request.keep_model:
            kept = [_origin(request.model), *weights]
        return request.result(record, classifier.score, held_out, kept)

    def reader(
        self, model: TransformerModel, weights: Weights, shape: Shape
    ) -> Callable[[Sequence[str]], NDArray[np.float32]]:
        from rnnbench.plugins.transformer.classifier import FineTuned

        origin, *arrays = weights
        if not np.array_equal(origin, _origin(model)):
            fault = "its files are not those that were trained"
            raise UserError(f"transformer.name: {model.transformer.name}: {fault}")
        classifier = FineTuned(model.transformer, shape)
        classifier.load(arrays)
        return lambda texts: classifier.score(classifier.pieces(texts))


def _in_pieces(dataset: Dataset, classifier: "FineTuned") -> Dataset:
    """Return a dataset whose inputs are the pieces of its texts."""
    train_texts = map(dataset.text, dataset.train_documents.tolist())
    test_texts = map(dataset.text, dataset.test_documents.tolist())
    return replace(
        dataset,
        train_inputs=classifier.pieces(list(train_texts)),
        test_inputs=classifier.pieces(list(test_texts)),
    )


def _origin(model: TransformerModel) -> NDArray[np.uint8]:
    """Return the sha256 of a model's files, which is the first of its kept arrays."""
    (sha256,) = model.loaded.values()
    return np.frombuffer(bytes.fromhex(sha256), np.uint8)


TRANSFORMERS = Transformers()
