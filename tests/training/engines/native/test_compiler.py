"""The length of vectors that is chosen for each kind of processor."""

import llvmlite.binding as llvm
import pytest

from rnnbench.training.engines.native.assembler import Processor
from rnnbench.training.engines.native.compiler import processor

AVX2 = {"avx2": True, "fma": True}
AVX512 = AVX2 | {"avx512f": True, "avx512vl": True}


@pytest.mark.parametrize(
    ("triple", "name", "features", "expected"),
    [
        ("x86_64-linux-gnu", "haswell", AVX2, Processor(lanes=8, registers=16, is_x86=True)),
        ("x86_64-linux-gnu", "icelake", AVX512, Processor(lanes=16, registers=32, is_x86=True)),
        ("x86_64-linux-gnu", "znver4", AVX512, Processor(lanes=8, registers=32, is_x86=True)),
        ("x86_64-linux-gnu", "znver4", AVX2, Processor(lanes=8, registers=16, is_x86=True)),
        ("x86_64-linux-gnu", "nehalem", {"avx2": False, "fma": False}, None),
        ("arm64-apple-darwin", "apple-m1", {}, Processor(lanes=4, registers=32, is_x86=False)),
        ("riscv64-linux-gnu", "generic", {}, None),
    ],
    ids=["AVX2", "AVX-512", "Zen 4", "Zen 4 without AVX-512", "too old", "ARM64", "another kind"],
)
def test_each_processor_has_its_vectors(monkeypatch, triple, name, features, expected):
    monkeypatch.setattr(llvm, "get_default_triple", lambda: triple)
    monkeypatch.setattr(llvm, "get_host_cpu_name", lambda: name)
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: features)

    assert processor.__wrapped__() == expected
