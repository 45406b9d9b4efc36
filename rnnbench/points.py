"""The names of the points of a grid, as all records have them.

>>> values_of("lstm[units=64,lr=0.003]")
{'units': '64', 'lr': '0.003'}
"""

import re
from collections.abc import Mapping, Sequence

from rnnbench.errors import UserError, did_you_mean, shortened
from rnnbench.text import listed

MODEL = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
"""The pattern of a name that a user gives to a model."""
MAX_BRACKETS = 100  # the most characters in the brackets
POINT = rf"{MODEL}(\[[A-Za-z0-9_.+=,-]{{1,{MAX_BRACKETS}}}\])?"
"""The pattern of the name of a point, or of a model."""
# Without a bound, it would take quadratic time.
_IN_BRACKETS = rf"[^\[\]]{{0,{MAX_BRACKETS}}}\]"


def short(key: str) -> str:
    """Return the short name of a parameter, as in the names of points."""
    return "lr" if key == "learning_rate" else key


def point_name(model: str, values: Mapping[str, str]) -> str:
    """Return the name of the point at which a model has ``values``, by parameter."""
    if not values:
        return model
    inside = ",".join(f"{key}={value}" for key, value in values.items())
    return f"{model}[{inside}]"


def model_of(name: str) -> str:
    """Return the name of the model of a point; any other name as it is."""
    if re.fullmatch(POINT, name):
        return name.partition("[")[0]
    return name


def values_of(name: str) -> dict[str, str]:
    """Return the values at a point, by parameter; empty for another model."""
    inside = name.removeprefix(model_of(name))[1:-1]
    values = {}
    for pair in filter(None, inside.split(",")):
        key, _, value = pair.partition("=")
        values[key] = value
    return values


def split_names(text: str) -> list[str]:
    """Return the names in a list with commas, which points may have themselves."""
    names = re.split(rf",(?!{_IN_BRACKETS})", text)
    return [name for name in names if name]


def split_setting(text: str) -> tuple[str, str]:
    """Return both sides of ``PATH=VALUE``; two empty texts if there is no ``=``."""
    parts = re.split(rf"=(?!{_IN_BRACKETS}[^=]*=)", text, maxsplit=1)
    if len(parts) == 1:
        return "", ""
    path, value = parts
    return path, value


def split_keys(path: str) -> list[str]:
    """Return the keys in a path; dots in the name of a point do not divide it."""
    return re.split(rf"\.(?!{_IN_BRACKETS})", path)


def chosen(
    names: Sequence[str], only: str | Sequence[str] | None, flag: str = "models"
) -> list[str]:
    """Return the names that ``only`` lists, or all names.

    The name of a grid stands for its points.

    Raises:
        UserError: ``only`` is empty, or lists others.
    """
    if only is None:
        return list(names)
    if isinstance(only, str):
        only = [only]
    if not only:
        raise UserError(f"{flag}: names no model ({did_you_mean('', names)})")
    allowed = {*names, *map(model_of, names)}
    unknown = dict.fromkeys(str(name) for name in only if name not in allowed)
    if unknown:
        wrong = listed([f"'{shortened(name, 60)}'" for name in unknown])
        hint = did_you_mean(next(iter(unknown)), names)
        raise UserError(f"{flag}: no model {wrong} ({hint})")
    return [name for name in names if name in only or model_of(name) in only]
