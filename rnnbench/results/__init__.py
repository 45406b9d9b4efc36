"""What is stored of a run, and how it is kept whole; knows no TensorFlow."""
