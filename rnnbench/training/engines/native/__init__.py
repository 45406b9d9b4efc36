"""Machine code that trains plain recurrent stacks, made by LLVM for one network at a time.

``docs/native.md`` explains it, with drawings. The equations of the cells and their gradients are in
``cells``; then come, from bottom to top, ``network``, ``assembler``, ``program`` and ``engine``.
"""
