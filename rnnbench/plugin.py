"""The names that writers of plug-ins import, besides those of ``rnnbench``.

``plugin.pyi`` names everything. A name is imported when it is first used, so that a
package with a metric does not load what machine code needs.

>>> from rnnbench.plugin import Stage
>>> Stage.kind
''
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub("rnnbench", __file__)
