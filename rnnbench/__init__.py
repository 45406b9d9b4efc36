"""A benchmark of sequence classifiers on Reuters newswires.

``__init__.pyi`` names everything that a program may import; all other modules are
private. A name is imported when it is first used, so ``import rnnbench`` is quick.

>>> import rnnbench
>>> run = rnnbench.run("configs/smoke.yaml", seeds=3)  # doctest: +SKIP
>>> run.to_frame()  # doctest: +SKIP
"""

import lazy_loader

__version__ = "0.5.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
