"""The names of the points of a grid, as all records have them:
``lstm[units=64,lr=0.003]``.
"""

import re
from collections.abc import Mapping, Sequence

from rnnbench.errors import UserError, did_you_mean, shortened
from rnnbench.text import listed

# the pattern of a name that a user gives to a model
MODEL = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
MAX_BRACKETS = 100  # the most characters in the brackets
POINT = (
    rf"{MODEL}(\[[A-Za-z0-9_.+=,-]{{1,{MAX_BRACKETS}}}\])?"  # of a point, or of a model
)
_IN_BRACKETS = (
    rf"[^\[\]]{{0,{MAX_BRACKETS}}}\]"  # unbounded, it would take quadratic time
)


def short(key: str) -> str:
    """Return the short name of a parameter, as in the names of points."""
    return {"learning_rate": "lr"}.get(key, key)


def point_name(model: str, values: Mapping[str, str]) -> str:
    """Return the name of the point of a model at which its parameters have
    ``values``.
    """
    inside = ",".join(f"{key}={value}" for key, value in values.items())
    return f"{model}[{inside}]" if inside else model


def model_of(name: str) -> str:
    """Return the model that a point belongs to; the name of another model is returned
    as it is.
    """
    return name.partition("[")[0] if re.fullmatch(POINT, name) else name


def values_of(name: str) -> dict[str, str]:
    """Return the values at a point, by parameter; empty for another model."""
    inside = name.removeprefix(model_of(name))[1:-1]
    pairs = (pair.partition("=") for pair in inside.split(",") if pair)
    return {key: value for key, _, value in pairs}


def split_names(text: str) -> list[str]:
    """Return the names in a comma-separated list, in which points may have commas
    themselves.
    """
    return [name for name in re.split(rf",(?!{_IN_BRACKETS})", text) if name]


def split_setting(text: str) -> tuple[str, str]:
    """Return the path and the value of ``PATH=VALUE``; the path is empty if there is no
    ``=``.
    """
    key, *value = re.split(rf"=(?!{_IN_BRACKETS}[^=]*=)", text, maxsplit=1)
    return (key, value[0]) if value else ("", "")


def split_keys(path: str) -> list[str]:
    """Return the keys in a path; dots in the name of a point do not divide it."""
    return re.split(rf"\.(?!{_IN_BRACKETS})", path)


def chosen(
    names: Sequence[str], only: Sequence[str] | None, flag: str = "models"
) -> list[str]:
    """Return those of ``names`` in ``only``, or all; the name of a grid stands for its
    points.
    """
    if only is None:
        return list(names)
    known = {*names, *map(model_of, names)}
    unknown = list(dict.fromkeys(name for name in only if name not in known))
    if unknown or not only:
        wrong = listed([f"'{shortened(str(name), 60)}'" for name in unknown])
        what = f"no model {wrong}" if unknown else "names no model"
        raise UserError(
            f"{flag}: {what} ({did_you_mean(str((*unknown, '')[0]), names)})"
        )
    return [name for name in names if name in only or model_of(name) in only]
