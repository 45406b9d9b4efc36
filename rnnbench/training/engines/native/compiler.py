"""From the assembler's code to functions that can be called, for the processor at hand."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from rnnbench.training.engines.native.assembler import BYTES, Assembler


@dataclass(frozen=True)
class Processor:
    """The vectors of a processor.

    Attributes:
        lanes: floats in a register.
        registers: their number.
        is_x86: whether it is of this family.
    """

    lanes: int
    registers: int
    is_x86: bool


@cache
def processor() -> Processor | None:
    """Return this machine's processor; ``None`` if no code is made for its kind."""
    kind = llvm.get_default_triple().partition("-")[0]
    if kind in ("aarch64", "arm64"):
        return Processor(lanes=4, registers=32, is_x86=False)
    has = dict(llvm.get_host_cpu_features())
    if kind not in ("x86_64", "amd64") or not (has.get("avx2") and has.get("fma")):
        return None
    if has.get("avx512f") and has.get("avx512vl"):
        return Processor(lanes=16, registers=32, is_x86=True)
    return Processor(lanes=8, registers=16, is_x86=True)


class Code:
    """Machine code that can be called."""

    def __init__(self, asm: Assembler):
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(),
            features=llvm.get_host_cpu_features().flatten(),
            reloc="pic",
            codemodel="small",
        )
        module = llvm.parse_assembly(str(asm.module))
        module.verify()
        # The loops are vectors already; LLVM should not make them longer.
        options = llvm.create_pipeline_tuning_options(speed_level=1)
        options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
        passes = llvm.create_pass_builder(machine, options)
        passes.getModulePassManager().run(module, passes)
        self._code = llvm.create_mcjit_compiler(module, machine, use_lmm=True)
        self._code.finalize_object()

    def function(self, name: str, slices: int, numbers: int = 0) -> Callable[..., None]:
        """Return a function of arrays, which are its slices, and of numbers."""
        kinds = [ctypes.c_void_p, ctypes.c_int64] * slices + [ctypes.c_int64] * numbers
        function = ctypes.CFUNCTYPE(None, *kinds)(self._code.get_function_address(name))
        return partial(_call, function, self._code)

    @property
    def faults(self) -> int:
        """The number of accesses out of bounds so far, if the code checks its addresses."""
        return ctypes.c_int64.from_address(self._code.get_global_value_address("faults")).value


def _call(function: Any, code: Any, *arguments: NDArray[Any] | int) -> None:  # noqa: ARG001
    """Call a function of machine code, which must live as long as its functions."""
    flat: list[int] = []
    for each in arguments:
        if not isinstance(each, np.ndarray):
            flat.append(each)
            continue
        if not each.flags.c_contiguous or each.itemsize != BYTES:
            raise ValueError("machine code takes arrays without gaps, of numbers of 32 bits")
        flat += each.ctypes.data, each.size
    function(*flat)
