"""Trials on a Dask cluster: placing them, what travels with them, and what workers
do.
"""
