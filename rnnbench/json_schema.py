"""JSON Schemas of records and sections, described by the docstrings below their fields."""

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

DIALECT = GenerateJsonSchema.schema_dialect
"""Draft 2020-12."""

Schema = dict[str, Any]


class Generator(GenerateJsonSchema):
    """Writes the docstrings below fields as descriptions, and no titles."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's
        """Return whether a field has a title; none has."""
        return False

    def model_schema(self, schema: Any) -> Schema:
        """Return the schema of a class."""
        found = super().model_schema(schema)
        found.pop("title", None)
        found["description"] = _plain(schema["cls"].__doc__ or "")
        for key, text in _docs(schema["cls"]).items():
            if key in found["properties"]:
                found["properties"][key]["description"] = text
        return found


def _docs(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings below the fields of a class and of those that it inherits from."""
    docs = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            source = ast.parse(textwrap.dedent(inspect.getsource(each))).body[0]
            assert isinstance(source, ast.ClassDef)  # noqa: S101 - it is the source of a class
            for field, below in pairwise(source.body):
                if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                    docs[ast.unparse(field.target)] = _plain(ast.literal_eval(below.value))
    return docs


def _plain(docstring: str) -> str:
    """Return the first paragraph of a docstring in one line, without markup."""
    return " ".join(docstring.partition("\n\n")[0].replace("``", "`").split())
