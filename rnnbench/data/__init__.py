"""From sources to corpora to datasets; knows no TensorFlow and no config file."""
