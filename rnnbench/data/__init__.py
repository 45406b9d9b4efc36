"""From sources to corpora to datasets; TensorFlow and config files are not used
here.
"""
