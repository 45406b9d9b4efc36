"""Reading from the terminal, and printing on it."""
