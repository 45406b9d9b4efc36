"""Statistics on plain arrays: nothing in here knows runs, models or files."""
