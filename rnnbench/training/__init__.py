"""One trial: a model, a dataset and a seed become a record."""
