"""Functions of floats: rational and polynomial approximations, to a few units in the last place."""

from collections.abc import Sequence

from llvmlite import ir

from rnnbench.training.engines.native.assembler import Value, where

TANH_LIMIT = 7.90531110763549805
"""Beyond it, tanh is cut off: 2.4e-7 short of 1, because products and sums are fused here.

The constants of tanh are those of Eigen and of XLA, this one for code without fused operations.
With theirs for fused ones, 7.99881172180175781, it would be 1, but all results would change.
"""
TANH_ABOVE = (
    -2.76076847742355e-16,
    2.00018790482477e-13,
    -8.60467152213735e-11,
    5.12229709037114e-08,
    1.48572235717979e-05,
    6.37261928875436e-04,
    4.89352455891786e-03,
)
TANH_BELOW = (
    1.19825839466702e-06,
    1.18534705686654e-04,
    2.26843463243900e-03,
    4.89352518554385e-03,
)
EXP = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
    1.0,
    1.0,
)
"""Of Cephes, for arguments of at most half of log 2."""
LOG2_HIGH, LOG2_LOW = 0.693359375, -2.12194440e-4
"""Their sum is log 2; the first has so few digits that small multiples of it are exact."""
TO_WHOLE = 1.5 * 2**23
"""A float of this size has no digits after the point."""


def tanh(x: Value) -> Value:
    """Return the hyperbolic tangent: ``x P(x²) / Q(x²)``."""
    x = _limited(x, TANH_LIMIT)
    square = x * x
    return x * _polynomial(square, TANH_ABOVE) / _polynomial(square, TANH_BELOW)


def sigmoid(x: Value) -> Value:
    """Return the logistic function, ``0.5 + 0.5 tanh(x / 2)``, the halves in the polynomials."""
    x = _limited(x, 2 * TANH_LIMIT)
    square = x * x
    above = [each / 4 for each in _in_quarters(TANH_ABOVE)]
    return x * _polynomial(square, above) / _polynomial(square, _in_quarters(TANH_BELOW)) + 0.5


def exp(x: Value) -> Value:
    """Return the exponential of numbers up to 88; of those below -87, that of -87."""
    x = where(x < -87, x.lift(-87), x)
    shifted = x * 1.44269504088896341 + TO_WHOLE
    whole = shifted - TO_WHOLE  # x / log 2, rounded
    rest = x - whole * LOG2_HIGH - whole * LOG2_LOW
    return _polynomial(rest, EXP) * _power_of_two(shifted)


def _limited(x: Value, limit: float) -> Value:
    """Return x, or the limit that it is beyond; NaN stays NaN."""
    x = where(x > limit, x.lift(limit), x)
    return where(x < -limit, x.lift(-limit), x)


def _power_of_two(shifted: Value) -> Value:
    """Return 2 to the whole number to which ``TO_WHOLE`` was added."""
    build, kind = shifted.builder, shifted.raw.type
    whole = ir.VectorType(ir.IntType(32), kind.count)
    exponent = build.shl(build.bitcast(shifted.raw, whole), ir.Constant(whole, 23))
    return Value(build, build.bitcast(build.add(exponent, ir.Constant(whole, 127 << 23)), kind))


def _polynomial(x: Value, coefficients: Sequence[float]) -> Value:
    """Return a polynomial of x; the coefficient of the highest power comes first."""
    result = x * coefficients[0] + coefficients[1]
    for each in coefficients[2:]:
        result = result * x + each
    return result


def _in_quarters(coefficients: Sequence[float]) -> list[float]:
    """Return the coefficients of the same polynomial of a quarter of its argument."""
    highest = len(coefficients) - 1
    return [each / 4 ** (highest - place) for place, each in enumerate(coefficients)]
