"""From the assembler's code to functions that can be called, for the processor at hand."""

import ctypes
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from rnnbench.training.engines.native.assembler import Assembler, Processor

FLOATS = np.ctypeslib.ndpointer(np.float32, flags="C_CONTIGUOUS")
"""An array of floats without gaps; others are refused."""
IN_HALVES = {"znver4"}
"""Processors, as LLVM names them, that work on 512 bits as two halves. There, vectors of 256 bits
are faster: fewer lanes of the last vector are empty."""


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
        lanes = 8 if llvm.get_host_cpu_name() in IN_HALVES else 16
        return Processor(lanes=lanes, registers=32, is_x86=True)
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
        self._engine = llvm.create_mcjit_compiler(module, machine, use_lmm=True)
        self._engine.finalize_object()

    def run(self, name: str, *arguments: NDArray[np.float32] | int) -> None:
        """Call a function with its arrays and numbers."""
        kinds = [ctypes.c_int64 if isinstance(each, int) else FLOATS for each in arguments]
        function: Any = ctypes.CFUNCTYPE(None, *kinds)(self._engine.get_function_address(name))
        function(*arguments)
