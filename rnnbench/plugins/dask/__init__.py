"""Trials on a Dask cluster: where they run, what they need, and what workers do."""
