"""Parts that hang on rnnbench as the package of a stranger would: by entry points alone.

They use public names of rnnbench, and nothing else of it names them, except for the functions that
``rnnbench`` itself offers to programs.
"""
