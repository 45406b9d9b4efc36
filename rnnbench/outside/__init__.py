"""``rnnbench verdict``: answers from anywhere become a run."""
