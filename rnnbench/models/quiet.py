"""TensorFlow without its messages, and without what it does not need.

``check_tensorflow("my_network")`` raises ``UserError`` where it is not installed.
"""

import io
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec

from rnnbench.errors import RnnbenchError, UserError
from rnnbench.text import listed

STDERR = 2
TENSORFLOW_VARIABLES = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_ENABLE_ONEDNN_OPTS": "1",  # TensorFlow's own choice on newer processors
}
"""Variables that TensorFlow reads when it is imported: quiet, on the CPU, with
oneDNN."""
NOT_NEEDED = ("IPython", "matplotlib", "pandas", "sklearn")
"""Packages that TensorFlow and Keras import if they can, which takes long, and never
use here."""


def why_no_tensorflow() -> str:
    """Return why networks of Keras cannot be made here; empty if they can."""
    absent = []
    for name in ("tensorflow", "keras"):
        if not find_spec(name):
            absent.append(name)
    if not absent:
        return ""
    return f"needs {listed(absent)}: pip install {' '.join(absent)}"


def check_tensorflow(user: str) -> None:
    """Raise ``UserError`` if TensorFlow, which ``user`` needs, is not installed."""
    reason = why_no_tensorflow()
    if reason:
        raise UserError(f"{user} {reason}")


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Hide TensorFlow's messages while the block imports and runs it, on the CPU.

    Its C++ code writes to the file descriptor. Output of a user's modules, which would
    precede the JSON, is hidden, too. After an error other than ``RnnbenchError``,
    everything is shown. ``UserError``: TensorFlow is not installed.
    """
    os.environ |= TENSORFLOW_VARIABLES
    sys.stderr.flush()
    stderr = os.dup(STDERR)
    printed = io.StringIO()
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), STDERR)
        try:
            with redirect_stdout(printed):
                yield
        except RnnbenchError:  # which says all there is to say
            raise
        except ModuleNotFoundError:
            check_tensorflow("this")
            raise
        except Exception:
            said.seek(0)
            os.write(stderr, said.read())
            os.write(stderr, printed.getvalue().encode(errors="backslashreplace"))
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, STDERR)
            os.close(stderr)


@contextmanager
def without(packages: Iterable[str]) -> Iterator[None]:
    """Have the block's first imports of packages fail.

    What has been imported already can be imported again.
    """
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
