"""The engine of transformers. PyTorch is imported when it is used."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import UserError
from rnnbench.models.descriptions import Model
from rnnbench.models.layers import Shape
from rnnbench.models.quiet import TENSORFLOW_VARIABLES
from rnnbench.plugins.transformer.model import PACKAGES, TransformerModel, why_not
from rnnbench.training.engines import Engine, FitRequest, result_of
from rnnbench.training.epochs import Epochs, TrainingSettings, begin, hold_out_documents
from rnnbench.training.outcome import TrialResult, Weights


class Transformers(Engine[TransformerModel]):
    """Fine-tunes transformers by AdamW, with their own dropout, and 0.1 before the new
    layer.
    """

    name = "transformers"
    packages = PACKAGES
    costs = (0.0, 10, 0.0)

    def prepare(self, threads: int) -> None:
        """Import PyTorch and transformers, which takes seconds, and limit the
        threads.
        """
        os.environ |= {**TENSORFLOW_VARIABLES, "TOKENIZERS_PARALLELISM": "false"}
        if "transformers" not in sys.modules:
            begin("loading PyTorch")
        import torch
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)

    def why_not(self) -> str:
        return why_not()

    def covers(self, model: Model, settings: TrainingSettings) -> bool:
        is_usual = settings.optimizer == "adamw" and isinstance(
            settings.learning_rate, float
        )
        return isinstance(model, TransformerModel) and is_usual and not settings.ema

    def fit(self, request: FitRequest[TransformerModel]) -> TrialResult:
        from rnnbench.plugins.transformer.classifier import Classifier, train

        model, dataset, settings, seed, on_epoch, keep_model = request
        begin("loading transformer")
        classifier = Classifier(model.transformer, Shape.of(dataset), seed)
        parts = dataset.train_documents.tolist(), dataset.test_documents.tolist()
        x_train, x_test = (
            classifier.pieces(list(map(dataset.text, part))) for part in parts
        )
        dataset = replace(dataset, x_train=x_train, x_test=x_test)
        documents, held_out = hold_out_documents(dataset, settings.validation_split)
        begin()
        epochs = Epochs(on_epoch, settings.early_stopping)
        for logits in train(classifier, documents, settings, seed):
            judged = held_out and classifier.judge(
                classifier.logits(held_out[0]), held_out[1]
            )
            epochs.note(
                classifier.judge(logits, documents[1]), judged, classifier.weights
            )
            if epochs.is_over:
                break
        if held_out:
            classifier.load(epochs.best_weights)
        n, params = (
            len(documents[1]),
            sum(map(np.size, weights := classifier.weights())),
        )
        record = epochs.record(
            engine=self.name, params=params, settings=settings, documents=n
        )
        kept = [_origin(model), *weights] if keep_model else None
        request = request._replace(dataset=dataset)
        return result_of(request, record, classifier.score, held_out, kept)

    def reader(
        self, model: TransformerModel, weights: Weights, shape: Shape
    ) -> Callable[[Sequence[str]], NDArray[np.float32]]:
        from rnnbench.plugins.transformer.classifier import Classifier

        if not np.array_equal(weights[0], _origin(model)):
            name = model.transformer.name
            raise UserError(
                f"transformer.name: {name}: its files are not those that were trained"
            )
        classifier = Classifier(model.transformer, shape)
        classifier.load(weights[1:])
        return lambda texts: classifier.score(classifier.pieces(texts))


def _origin(model: TransformerModel) -> NDArray[np.uint8]:
    """Return the sha256 of the files that a model is loaded from, the first of its kept
    arrays.
    """
    return np.frombuffer(bytes.fromhex(*model.loaded.values()), np.uint8)


TRANSFORMERS = Transformers()
