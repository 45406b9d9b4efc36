"""What a recurrent layer computes: facts read off a real Keras layer, and its equations.

Importing this package, or any module of it, imports no TensorFlow.
"""
