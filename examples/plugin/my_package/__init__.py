"""Plug-ins of each kind for rnnbench."""
