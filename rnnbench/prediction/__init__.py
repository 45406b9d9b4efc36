"""``rnnbench predict``: the topics of new texts, by networks that a run has kept."""
