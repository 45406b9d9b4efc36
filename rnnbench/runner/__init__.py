"""From a benchmark to the records of its trials."""
