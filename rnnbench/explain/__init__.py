"""``rnnbench explain``: how a recurrent layer works, shown on a real Keras layer.

Importing this package or one of its modules does not import TensorFlow.
"""
