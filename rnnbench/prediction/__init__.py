"""``rnnbench predict``: the topics of new texts, by models that a run has kept."""
