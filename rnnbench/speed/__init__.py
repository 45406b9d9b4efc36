"""``rnnbench bench-speed``: the engines against each other, PyTorch and the machine's BLAS."""
