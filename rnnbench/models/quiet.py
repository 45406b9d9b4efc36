"""TensorFlow without its chatter."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from rnnbench.errors import RnnbenchError

STDERR = 2
QUIET_ON_CPU = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
"""Variables that TensorFlow reads when it is imported."""


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Keep from the user what TensorFlow says while the block imports and runs it, on the CPU.

    Not all of it heeds ``TF_CPP_MIN_LOG_LEVEL``: what its C++ code says on being imported goes past
    ``sys.stderr`` to the file descriptor. When the block fails, it is shown after all.
    """
    os.environ |= QUIET_ON_CPU
    sys.stderr.flush()
    stderr = os.dup(STDERR)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), STDERR)
        try:
            yield
        except RnnbenchError:
            raise  # it says all there is to say
        except Exception:
            said.seek(0)
            os.write(stderr, said.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, STDERR)
            os.close(stderr)
