"""Summaries and comparisons of trials. Nothing in here trains or prints."""
