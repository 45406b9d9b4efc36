"""Python programs whose matrix products are computed by chosen kernels of OpenBLAS."""

import os
import subprocess
import sys
from functools import cache

import pytest

KERNELS = (
    "Haswell",
    "SkylakeX",
    "Nehalem",
)  # the last is for all processors with SSE4.2
LOOK = """
import numpy, scipy.linalg
from threadpoolctl import threadpool_info
numpy.ones((64, 64)) @ numpy.ones((64, 64))
print({library.get("architecture") for library in threadpool_info()
       if library["user_api"] == "blas"} == {KERNEL})
"""


def run_with_kernel(kernel, program, *arguments):
    """Return what a Python program prints whose NumPy and SciPy use a kernel, and one
    thread.
    """
    command = [sys.executable, "-c", program, *map(str, arguments)]
    environment = os.environ | {
        "OPENBLAS_CORETYPE": kernel,
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return done.stdout


def two_kernels():
    """Return the names of two kernels that this processor has, or skip the test."""
    usable = []
    for kernel in KERNELS:
        if _is_usable(kernel):
            usable.append(kernel)
        if len(usable) == 2:
            return usable
    pytest.skip(
        f"NumPy and SciPy do not have two of the OpenBLAS kernels {', '.join(KERNELS)}"
    )


@cache
def _is_usable(kernel):
    try:
        printed = run_with_kernel(kernel, LOOK.replace("KERNEL", repr(kernel)))
    except subprocess.CalledProcessError:  # the processor lacks an instruction
        return False
    return printed.strip() == "True"
