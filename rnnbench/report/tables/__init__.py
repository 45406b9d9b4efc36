"""The tables of a run and of several runs, for the terminal, pages and files."""
