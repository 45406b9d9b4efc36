"""An ONNX graph of what functions of NumPy are called with.

``np.tanh(graph.array(example))`` adds a node: NumPy asks arrays of other classes how
its functions work on them (https://numpy.org/neps/nep-0018).
"""

from itertools import count
from operator import attrgetter

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from onnx import helper, numpy_helper

OPERATORS = {
    np.add: "Add",
    np.subtract: "Sub",
    np.multiply: "Mul",
    np.divide: "Div",
    np.floor_divide: "Div",
    np.remainder: "Mod",
    np.power: "Pow",
    np.matmul: "MatMul",
    np.maximum: "Max",
    np.minimum: "Min",
    np.negative: "Neg",
    np.absolute: "Abs",
    np.exp: "Exp",
    np.log: "Log",
    np.sqrt: "Sqrt",
    np.tanh: "Tanh",
    np.equal: "Equal",
    np.greater: "Greater",
    np.greater_equal: "GreaterOrEqual",
    np.less: "Less",
    np.bitwise_and: "And",
    np.bitwise_or: "Or",
}
TINY = 1e-8  # smaller numbers make no difference to 1
LAST = np.iinfo(np.int64).max


class Traced(NDArrayOperatorsMixin):
    """An array of a graph, with an example of its type and of its shape.

    Its first axis is the texts; the example may have another number of them.
    """

    def __init__(self, graph, example, name=""):
        self.graph = graph
        self.example = example
        self.shape = example.shape
        self.name = name or f"v{next(graph.names)}"

    def astype(self, dtype):
        """Return the array with another type."""
        example = self.example.astype(dtype)
        if example.dtype == self.example.dtype:
            return self
        to = helper.np_dtype_to_tensor_dtype(example.dtype)
        return self.graph.add("Cast", [self], example, {"to": to})

    def __getitem__(self, key):
        axes = []
        bounds = []
        added = []
        for place, part in enumerate(key):
            if part is None:
                added.append(place)
            elif part != slice(None):
                axes.append(place)
                bounds.append((part.start or 0, part.stop or LAST))
        part = self
        if axes:
            inputs = [self, *np.transpose(bounds), np.array(axes)]
            part = self.graph.add("Slice", inputs, self.example[key])
        if added:
            inputs = [part, np.array(added)]
            part = self.graph.add("Unsqueeze", inputs, self.example[key])
        return part

    def __array_ufunc__(self, ufunc, method, *inputs):
        x = inputs[0]
        if ufunc is np.log1p:
            return np.where(x < TINY, x, np.log(1 + x))
        if ufunc is np.expm1:
            return np.where(np.abs(x) < TINY, x, np.exp(x) - 1)
        examples = _examples(inputs)
        inputs = _alike(inputs, np.result_type(*examples))
        return self.graph.add(OPERATORS[ufunc], inputs, ufunc(*examples))

    def __array_function__(self, function, types, arguments, options):
        example = function(*_examples(arguments), **options)
        axis = options.get("axis", arguments[-1])
        operator, prepare = FUNCTIONS[function]
        inputs, attributes = prepare(arguments, axis, example)
        return self.graph.add(operator, inputs, example, attributes)


def _examples(values):
    """Return values with examples in the place of arrays of a graph."""
    examples = []
    for value in values:
        match value:
            case list():
                examples.append(_examples(value))
            case _:
                examples.append(getattr(value, "example", value))
    return examples


def _alike(values, dtype):
    """Return arrays of one type."""
    arrays = []
    for value in values:
        match value:
            case Traced():
                arrays.append(value.astype(dtype))
            case _:
                arrays.append(np.asarray(value, dtype))
    return arrays


def _reduced(arguments, axis, example):
    x = arguments[0]
    keeps = example.ndim == x.example.ndim
    return [x.astype(example.dtype), np.array([axis])], {"keepdims": int(keeps)}


def _chosen(arguments, _, example):
    return [arguments[0], *_alike(arguments[1:], example.dtype)], {}


def _joined(arguments, axis, example):
    return _alike(arguments[0], example.dtype), {"axis": axis}


def _taken(arguments, axis, _):
    return arguments[:2], {"axis": axis}


def _multiplied(arguments, _axis, _):
    return arguments[1:], {"equation": arguments[0]}


def _split(arguments, axis, example):
    return arguments[:1], {"axis": axis, "num_outputs": len(example)}


def _added_up(arguments, axis, example):
    return [arguments[0].astype(example.dtype), np.array(axis)], {}


def _padded(arguments, widths, _):
    return [arguments[0], np.transpose(widths).ravel()], {}


def _best(arguments, axis, _):
    return arguments, {"axis": axis, "keepdims": 0}


def _reshaped(arguments, shape, _):
    return [arguments[0], np.array(shape)], {}


def _counted(arguments, size, _):
    ids = arguments[2]
    zeros = ids[:, :1] * 0 + np.zeros((1, size), int)
    return [zeros, ids, ids * 0 + 1], {"axis": 1, "reduction": "add"}


FUNCTIONS = {
    np.sum: ("ReduceSum", _reduced),
    np.max: ("ReduceMax", _reduced),
    np.mean: ("ReduceMean", _reduced),
    np.where: ("Where", _chosen),
    np.concatenate: ("Concat", _joined),
    np.take: ("Gather", _taken),
    np.einsum: ("Einsum", _multiplied),
    np.split: ("Split", _split),
    np.cumsum: ("CumSum", _added_up),
    np.pad: ("Pad", _padded),
    np.argmax: ("ArgMax", _best),
    np.reshape: ("Reshape", _reshaped),
    np.apply_along_axis: ("ScatterElements", _counted),
}
"""The operators of functions, and what makes inputs and attributes of arguments."""


class Graph:
    """Nodes, and the constants that they share with those of graphs inside."""

    def __init__(self, outer=None):
        self.nodes = []
        self.constants = {}
        self.names = count()
        if outer:
            self.constants = outer.constants
            self.names = outer.names

    def input(self, example, name=""):
        """Return a new array of the graph, such as an input."""
        return Traced(self, example, name)

    def array(self, value):
        """Return an array of the graph; another one becomes a constant."""
        match value:
            case Traced():
                return value
        constant = np.asarray(value)
        if id(constant) not in self.constants:  # which keep it, and so its id
            self.constants[id(constant)] = Traced(self, constant)
        return self.constants[id(constant)]

    def add(self, operator, inputs, example, attributes=None):
        """Add a node, and return its output, or a list of these for a list."""
        match example:
            case list():
                outputs = list(map(self.input, example))
                self._add(operator, inputs, outputs, attributes)
                return outputs
        output = Traced(self, example)
        self._add(operator, inputs, [output], attributes)
        return output

    def _add(self, operator, inputs, outputs, attributes):
        names = []
        for array in map(self.array, inputs):
            names.append(array.name)
        node = helper.make_node(operator, names, list(map(attrgetter("name"), outputs)))
        for name, value in (attributes or {}).items():
            node.attribute.append(helper.make_attribute(name, value))
        self.nodes.append(node)

    def proto(self, inputs, outputs, *, is_inside=True):
        """Return the graph; one that is inside another has no constants."""
        constants = []
        if not is_inside:
            for constant in self.constants.values():
                tensor = numpy_helper.from_array(constant.example, constant.name)
                constants.append(tensor)
        ends = [list(map(_described, inputs)), list(map(_described, outputs))]
        return helper.make_graph(self.nodes, "model", *ends, constants)


def _described(array):
    """Return the name, the type and the shape of an input or output."""
    dtype = helper.np_dtype_to_tensor_dtype(array.example.dtype)
    return helper.make_tensor_value_info(array.name, dtype, ["texts", *array.shape[1:]])
