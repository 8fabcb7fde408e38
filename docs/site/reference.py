"""The pages of the reference, from the parsers and from the packages' lists of public names."""

import argparse
import ast
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from keras_srgan.__main__ import COMMANDS

if TYPE_CHECKING:
    import griffe

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("layers", "losses", "metrics", "images", "inference", "recipes")
UNLISTED = (argparse._SubParsersAction, argparse._HelpAction)


def commands() -> str:
    """Every command with its flags."""
    parts = ["# Commands", "`keras-srgan COMMAND ...` is the same as `python -m keras_srgan.COMMAND ...`."]
    for name, purpose in COMMANDS.items():
        parts += [f"## {name}", f"{purpose[0].upper()}{purpose[1:]}."]
        if name == "recipes":
            parts.append("It has no flags; what it lists: [the recipes](../model-zoo.md#the-recipes).")
        else:
            parts += section(importlib.import_module(f"keras_srgan.{name}.__main__").parser())
    return "\n\n".join(parts) + "\n"


def section(parser: argparse.ArgumentParser) -> list[str]:
    """A parser's description, its tables of flags, and its verbs."""
    parts = [text for text in (parser.description, parser.epilog) if text]
    for group in parser._action_groups:
        rows = [row(each) for each in group._group_actions if not isinstance(each, UNLISTED)]
        if rows:
            title = "" if group.title in ("positional arguments", "options") else f"**{text_of(group.title)}**\n\n"
            parts.append(title + "\n".join(["| argument | what |", "| --- | --- |", *rows]))
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {each.dest: each.help for each in action._choices_actions}
            for verb, inner in action.choices.items():
                parts += [f"### {parser.prog.split()[-1]} {verb}", f"{text_of(helps[verb])}.", *section(inner)]
    return parts


def row(action: argparse.Action) -> str:
    """A flag, what it takes, and what it is."""
    flag = ", ".join(action.option_strings) or ""
    value = action.metavar or (action.dest.upper() if flag else action.dest)
    if action.choices is not None and not action.metavar:
        value = " | ".join(map(str, action.choices))
    takes = action.nargs != 0 and not isinstance(action, argparse.BooleanOptionalAction)
    shown = f"{flag} {value}".strip() if takes else flag
    required = ". Required." if action.required and flag else ""
    return f"| `{shown}` | {text_of(action.help or '')}{required} |"


def text_of(text: str) -> str:
    """A parser's text in Markdown."""
    return re.sub(r"([|<*_\[\]])", r"\\\1", text.replace("%%", "%"))


def python() -> str:
    """Every public name, where it is defined; an undocumented one is an error."""
    import griffe

    package = griffe.load("keras_srgan", search_paths=[str(ROOT)])
    top = places()
    parts = [
        "# Python",
        "What `import keras_srgan` has; then its packages. Each example is run by a test.",
        "## keras_srgan",
    ]
    parts += [entry(package, f"{place}.{name}") for name, place in top.items()]
    seen = {package[f"{place}.{name}".removeprefix("keras_srgan.")].canonical_path for name, place in top.items()}
    for room in ROOMS:
        parts += [f"## keras_srgan.{room}", package[room].docstring.value]
        for name in map(str, package[room].exports):
            if package[f"{room}.{name}"].canonical_path not in seen:
                parts.append(entry(package, f"keras_srgan.{room}.{name}"))
    return "\n\n".join(parts) + "\n"


def places() -> dict[str, str]:
    """The names that `import keras_srgan` has, and their packages."""
    tree = ast.parse((ROOT / "keras_srgan" / "__init__.py").read_text(encoding="utf-8"))
    (table,) = (node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "_PLACES")
    return ast.literal_eval(table)


def entry(package: "griffe.Module", path: str) -> str:
    if not package[path.removeprefix("keras_srgan.")].has_docstring:
        raise ValueError(f"{path}: a public name without a docstring")
    return f"::: {path}"
