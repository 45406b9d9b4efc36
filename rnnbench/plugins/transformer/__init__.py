"""Pretrained transformers, fine-tuned to classify, as models of configs."""
