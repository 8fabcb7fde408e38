"""Keras's docstrings for Griffe, and recipes' fields, whose help is in their defaults."""

import ast
import re
import textwrap

import griffe

EXAMPLE = re.compile(r"^Examples?:\n\n((?:.+(?:\n|\Z))+)", re.MULTILINE)


class KerasDocstrings(griffe.Extension):
    """Indents examples, as Google's style has it, and takes the fields of a recipe apart."""

    def on_object(self, *, obj: griffe.Object, **_) -> None:
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(
                lambda found: "Examples:\n" + textwrap.indent(found[1], "    "), obj.docstring.value
            )
        if obj.is_attribute and (field := parts(obj.value)):
            obj.value, text = field
            obj.docstring = griffe.Docstring(text, parent=obj)
        for parameter in obj.parameters if obj.is_function else ():
            if field := parts(parameter.default):
                parameter.default = field[0]


def parts(value) -> tuple[str, str] | None:
    """The default and the help of a field of `Recipe` or `Degradation`."""
    if not str(value).startswith("_field("):
        return None
    default, text = ast.parse(str(value)).body[0].value.args[:2]
    return ast.unparse(default), ast.literal_eval(text)
