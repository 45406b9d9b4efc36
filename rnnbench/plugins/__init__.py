"""Plug-ins of our own, which are found by entry points as those of others are."""
