"""The terminal: what commands read from it and print on it."""
