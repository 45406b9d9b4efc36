"""``rnnbench bench-speed``: the engines against each other, PyTorch and the machine's BLAS."""

from rnnbench.command import TRAIN, Command

BENCH_SPEED = Command(
    "bench-speed", "rnnbench.plugins.speed.command:bench_speed", "Time the training engines.", TRAIN
)
