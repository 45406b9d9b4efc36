"""Machine code that trains networks, made by LLVM for each; ``docs/native.md`` explains
it.
"""
