"""``rnnbench data suspects``: labels that models contradict, to be looked at."""
