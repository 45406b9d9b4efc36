"""Kept models as files that need no rnnbench; ``writing.export`` writes them."""
