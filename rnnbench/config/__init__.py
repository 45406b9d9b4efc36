"""From YAML to a typed, validated benchmark; knows no TensorFlow."""
