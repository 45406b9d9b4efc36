"""From YAML to a typed, validated benchmark, without TensorFlow."""
