"""YAML in which every value knows its line, so that an error can point at it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from laoyouhui.config.errors import ConfigError

YamlPath = tuple[str | int, ...]
Locate = Callable[[YamlPath], int]

_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """Plain scalars mean what they look like: `20:00` is no number in base 60, `010` none in base 8, `on` no truth."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (PyYAML's own attribute)


for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(rf"^(?:{_pattern})$"), _first)

_SCALARS: dict[str, Callable[[str], Any]] = {
    _TAG + "null": lambda _: None,
    _TAG + "bool": lambda text: text.lower() == "true",
    _TAG + "int": int,
    _TAG + "float": float,
    _TAG + "str": str,
}


def spell(path: YamlPath) -> str:
    """Write a path as people read it: `("terms", 0, "recharge")` is `terms[0].recharge`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".") or "the file"


def load(path: Path) -> tuple[Any, Locate]:
    """Read one YAML file and return its data and `locate`.

    The data are dict, list, str, int, float, bool and None; dates and times of day stay text, and so does every key of
    a mapping (`10:` is `"10"`). `locate(("terms", 0, "intake"))` is the line, from 1, on which that key or list item
    begins; for a path that the file does not hold, the line of its nearest holder. Raises `ConfigError` when the file
    cannot be read, is no YAML, or gives a key twice (all of them at once).
    """
    root = _compose(path)
    builder = _Builder(path, {(): root.start_mark.line + 1 if root else 1}, [])
    try:
        data = builder.build(root, ()) if root else None
    except RecursionError as error:
        raise ConfigError(f"{path}: an alias holds itself, or the file nests too deeply: write it out") from error
    if builder.problems:
        raise ConfigError("\n".join(builder.problems))

    def locate(wanted: YamlPath) -> int:
        while wanted not in builder.lines:
            wanted = wanted[:-1]
        return builder.lines[wanted]

    return data, locate


def _compose(path: Path) -> yaml.Node | None:
    try:
        root: yaml.Node | None = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=_Loader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}): give the path of a YAML file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8: save the file as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: no valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: no valid YAML: {error}") from error
    return root


@dataclass
class _Builder:
    """Turns nodes into plain values; notes each one's line and every mistake of form."""

    path: Path
    lines: dict[YamlPath, int]
    problems: list[str]

    def build(self, node: yaml.Node, at: YamlPath) -> object:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self.lines[(*at, number)] = item.start_mark.line + 1
            return [self.build(item, (*at, number)) for number, item in enumerate(node.value)]
        try:
            return _SCALARS[node.tag](node.value)
        except (KeyError, ValueError):
            self.refuse(node, at, f"value '{node.value}': expected no tag such as {node.tag}")
            return None

    def mapping(self, node: yaml.MappingNode, at: YamlPath) -> dict[str, object]:
        mapping: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.refuse(key, at, "a list or mapping as a key: expected a plain name")
                continue
            here = (*at, str(key.value))
            if key.value in mapping:
                self.refuse(key, here, f"given twice: expected once (the first is on line {self.lines[here]})")
                continue
            # the key's line, not the value's: a value may be an alias, or begin on a later line
            self.lines[here] = key.start_mark.line + 1
            mapping[key.value] = self.build(value, here)
        return mapping

    def refuse(self, node: yaml.Node, at: YamlPath, why: str) -> None:
        self.problems.append(f"{self.path}:{node.start_mark.line + 1}: {spell(at)}: {why}")
