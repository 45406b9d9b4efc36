from .training.engines.native.assembler import Array as Array
from .training.engines.native.assembler import Assembler as Assembler
from .training.engines.native.assembler import Value as Value
from .training.engines.native.assembler import View as View
from .training.engines.native.memory import Activations as Activations
from .training.engines.native.memory import Trained as Trained
from .training.engines.native.random import glorot_uniform as glorot_uniform
from .training.engines.native.random import orthogonal as orthogonal
from .training.engines.native.random import random_uniform as random_uniform
from .training.engines.native.stage import Stage as Stage

__all__: list[str]
