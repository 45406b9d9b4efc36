"""A kept model as a file of ONNX: ``OnnxFile().content(kept)``."""

from collections.abc import Sequence
from pathlib import Path

from rnnbench.environment import missing
from rnnbench.errors import UserError
from rnnbench.prediction.exports.file import Answer, Answered, FileFormat
from rnnbench.prediction.exports.program import IDS, IS_GIVEN, SCORES
from rnnbench.prediction.predict import KeptModel


class OnnxFile(FileFormat):
    """A graph for ONNX Runtime and its like."""

    name = "onnx"
    ending = ".onnx"

    def content(self, kept: KeptModel) -> bytes:
        """Return the file; ``UserError`` if a package for it is not installed."""
        absent = missing(("onnx", "onnxruntime"))
        if absent:
            hint = "pip install 'rnnbench[onnx]'"
            raise UserError(f"--format onnx needs {', '.join(absent)}: {hint}")
        from rnnbench.prediction.exports.onnx_model import model_of

        return model_of(kept)

    def reader(self, file: Path) -> Answer:
        """Return what answers texts with ONNX Runtime."""
        from onnxruntime import InferenceSession

        session = InferenceSession(
            file.read_bytes(), providers=["CPUExecutionProvider"]
        )
        about = session.get_modelmeta().custom_metadata_map
        exec(about["encode"], about)  # noqa: S102 - it is the code that was just written

        def answer(texts: Sequence[str]) -> Answered:
            ids = about["encode"](texts)
            return Answered(*session.run([SCORES, IS_GIVEN], {IDS: ids}))

        return answer
