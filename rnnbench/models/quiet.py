"""TensorFlow without its chatter."""

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from rnnbench.errors import RnnbenchError

STDERR = 2
QUIET_ON_CPU = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
"""Variables that TensorFlow reads when it is imported."""


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Keep from the user what TensorFlow says while the block imports and runs it, on the CPU.

    Not all of it heeds ``TF_CPP_MIN_LOG_LEVEL``: what its C++ code says on being imported goes past
    ``sys.stderr`` to the file descriptor. What a user's module prints is kept back too, for it
    would stand before the JSON on standard output. When the block fails, all is shown after all,
    save where it is an ``RnnbenchError`` that explains itself.
    """
    os.environ |= QUIET_ON_CPU
    sys.stderr.flush()
    stderr, printed = os.dup(STDERR), io.StringIO()
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), STDERR)
        try:
            with redirect_stdout(printed):
                yield
        except RnnbenchError:
            raise  # it says all there is to say
        except Exception:
            said.seek(0)
            os.write(stderr, said.read() + printed.getvalue().encode(errors="backslashreplace"))
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, STDERR)
            os.close(stderr)
