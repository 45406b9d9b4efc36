"""Machine code that trains plain recurrent stacks, made by LLVM for one network at a time.

From the bottom to the top, each module using only those before it:

- ``layout``: where everything lies in memory, as data.
- ``assembler``: loops, places in memory and vectors, over llvmlite's IR builder.
- ``maths``: tanh, sigmoid and exp.
- ``products``: products of matrices whose sums stay in registers.
- ``cells``: the arithmetic of the cells, forward and back.
- ``forward``, ``backward``, ``program``: a part of a batch there and back; an epoch.
- ``compiler``, ``selftest``: the processor at hand, and whether its code is right.
- ``initializers``, ``weights``: Keras's initial weights, and their places.
- ``training``, ``engine``: the side of Python.

``docs/native.md`` explains them, with drawings.
"""
