"""Statistics on plain arrays: nothing in here knows of runs or files."""
