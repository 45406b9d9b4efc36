"""From results to what a reader sees: tables and files."""
