"""Statistics of models on the same documents, on plain arrays.

>>> import numpy as np
>>> from rnnbench import stats
>>> random = np.random.default_rng(0)
>>> gru = stats.Correctness(random.random((5, 400)) < 0.9)  # five seeds, 400 documents
>>> svm = stats.Correctness(random.random((1, 400)) < 0.8, is_random=False)
>>> interval = stats.score_interval(gru)
>>> f"{interval.low:.3f} to {interval.high:.3f}"
'0.865 to 0.927'
>>> stats.estimate_difference(gru, svm).p < 0.001
True

``__init__.pyi`` names all that there is. Nothing in here knows of runs, files or the
rest of the package: it needs NumPy and ``scipy.special`` alone. A name is imported when
it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
