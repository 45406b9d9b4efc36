import socket
import tracemalloc
from contextlib import contextmanager

import pytest


@pytest.fixture
def bounded_memory():
    """Fails where a block ends well but has allocated more than so many bytes at a time."""

    @contextmanager
    def bounded(n_bytes):
        tracemalloc.start()
        try:
            yield
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak <= n_bytes, f"{peak:,} bytes"

    return bounded


@pytest.fixture
def closed_port():
    """The address of a port at which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{unused.getsockname()[1]}"
