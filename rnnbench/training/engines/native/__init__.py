"""Machine code that trains networks, made by LLVM for one network at a time.

``docs/native.md`` explains it, with a drawing of a tile, and says where to read.
"""
