"""Machine code that trains plain recurrent stacks, made by LLVM for one network at a time.

``docs/native.md`` explains it, with drawings and a table of the modules, from the bottom to the
top. The equations of the cells and their gradients are in ``cells``.
"""
