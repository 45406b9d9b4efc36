"""A benchmark of sequence classifiers on Reuters newswires."""

__version__ = "0.2.0"
