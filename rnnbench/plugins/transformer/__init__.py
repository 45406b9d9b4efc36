"""Pretrained transformers, fine-tuned to classify: a model of configs, and its
engine.
"""
