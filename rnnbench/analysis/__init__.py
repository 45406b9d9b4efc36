"""Summaries, intervals and tests made from the records of trials; nothing here trains
or prints.
"""
