"""Machine code that trains networks, made by LLVM for each; ``docs/speed.md`` explains
it.
"""
