"""Parts that hang on rnnbench as the package of a stranger would: by entry points
alone.
"""
