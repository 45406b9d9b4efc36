"""From results to tables and files for a reader."""
