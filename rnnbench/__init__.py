"""A benchmark of sequence classifiers on Reuters newswires."""

__version__ = "0.3.0"
