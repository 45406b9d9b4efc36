"""The stored parts of a run, and the checks that they are whole; TensorFlow is not used
here.
"""
