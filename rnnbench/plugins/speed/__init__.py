"""``rnnbench bench-speed``: the engines against each other, PyTorch and BLAS."""

from rnnbench.plugin import TRAIN, Command

_PLACE = "rnnbench.plugins.speed.command:bench_speed"
BENCH_SPEED = Command("bench-speed", _PLACE, "Time the training engines.", TRAIN)
