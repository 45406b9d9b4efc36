"""Kept models as files of ONNX: ONNX Runtime gives their answers without rnnbench."""

import json

import numpy as np
import pytest
from kept_networks import STACKS, kept
from onnxruntime import InferenceSession

from rnnbench.errors import UserError
from rnnbench.prediction.exports import onnx_file
from rnnbench.prediction.exports.onnx_file import OnnxFile
from rnnbench.prediction.exports.writing import export


def test_the_metadata_turn_texts_into_inputs(tmp_path):
    model = kept(STACKS["recurrent"])
    file = tmp_path / "net.onnx"
    export(model, OnnxFile(), file, list)

    session = InferenceSession(file)
    about = session.get_modelmeta().custom_metadata_map
    exec(about["encode"], about)  # noqa: S102 - it was just written
    scores, is_given = session.run(None, {"ids": about["encode"](["w1 W2!", "w3"])})

    labels = np.array(json.loads(about["labels"]))
    assert about["scores"] == "probability"
    assert scores == pytest.approx(model.shown_scores(["w1 W2!", "w3"]), abs=1e-5)
    assert labels[is_given.argmax(axis=1)].tolist() == [
        *model.predict(["w1 W2!", "w3"])
    ]


def test_without_its_packages_the_command_names_them(monkeypatch):
    monkeypatch.setattr(onnx_file, "missing", lambda _: ["onnx"])

    with pytest.raises(UserError, match=r"needs onnx: pip install 'rnnbench\[onnx\]'"):
        OnnxFile().content(kept(STACKS["tfidf"]))
