"""YAML in which every value knows its line, so that an error can point at it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from laoyouhui.config.errors import ConfigError
from laoyouhui.config.text import safe_text

YamlPath = tuple[str | int, ...]
Locate = Callable[[YamlPath], int]

_TAG = "tag:yaml.org,2002:"
_MOST_BYTES = 1 << 20  # a campaign of everything has 16 KB
_MOST_VALUES = 50_000  # aliases written out: nine lines of ten aliases each are a thousand million
_DEEPEST = 50  # below it the library's own recursion ends the process


class _Resolver(yaml.resolver.BaseResolver):
    """Plain scalars mean what they look like: `20:00` is no number in base 60, `010` none in base 8, `on` no truth."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (PyYAML's own attribute)


for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]{0,99})", list("-+0123456789")),  # anything longer is not a sensible number
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+", list("-+.0123456789")),
):
    _Resolver.add_implicit_resolver(_TAG + _kind, re.compile(rf"^(?:{_pattern})$"), _first)


class _Quick(_Resolver, yaml.CSafeLoader):
    """Ten times as fast as the other: every step of a run reads the file."""


class _Wordy(_Resolver, yaml.SafeLoader):
    """Says what is wrong in plain words."""


_SCALARS: dict[str, Callable[[str], Any]] = {
    _TAG + "null": lambda _: None,
    _TAG + "bool": lambda text: text.lower() == "true",
    _TAG + "int": int,
    _TAG + "float": float,
    _TAG + "str": str,
}


def spell(path: YamlPath) -> str:
    """Write a path as people read it: `("terms", 0, "recharge")` is `terms[0].recharge`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in path)
    return "".join(steps).removeprefix(".") or "the file"


def shown(text: str, longest: int = 80) -> str:
    """A text for use in a message: on one line, printable anywhere, cut if it is long."""
    return safe_text(text if len(text) <= longest else f"{text[: longest - 1]}…")


def read(path: Path) -> bytes:
    """The bytes of a file of parameters. Raises `ConfigError` if there is none, or it is not a file of parameters."""
    try:
        if path.exists() and not path.is_file():  # a pipe would block
            raise ConfigError(f"{path}: no file: give the path of a YAML file")
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path}: {path.stat().st_size} bytes: expected at most {_MOST_BYTES}")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}): give the path of a YAML file") from error


def load(path: Path, content: bytes | None = None) -> tuple[Any, Locate]:
    """Read one YAML file, or what was read of it, and return its data and `locate`.

    The data are dict, list, str, int, float, bool and None; dates and times of day stay text, and so does every key of
    a mapping (`10:` is `"10"`). `locate(("terms", 0, "intake"))` is the line, from 1, on which that key or list item
    begins; for a path that the file does not hold, the line of its nearest holder. Raises `ConfigError` when the file
    cannot be read, is not YAML, or gives a key twice (naming all of them).
    """
    root = _compose(path, read(path) if content is None else content)
    builder = _Builder(path, {(): root.start_mark.line + 1 if root else 1}, [])
    data = builder.build(root, ()) if root else None
    if builder.problems:
        raise ConfigError("\n".join(builder.problems))

    def locate(wanted: YamlPath) -> int:
        while wanted not in builder.lines:
            wanted = wanted[:-1]
        return builder.lines[wanted]

    return data, locate


@lru_cache(maxsize=64)
def _compose(path: Path, content: bytes) -> yaml.Node | None:
    root: yaml.Node | None
    try:
        text = content.decode("utf-8-sig")
        _refuse_depth(path, text)
        try:
            root = yaml.compose(text, Loader=_Quick)
        except yaml.YAMLError:
            root = yaml.compose(text, Loader=_Wordy)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8: save the file as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: no valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: no valid YAML: {shown(' '.join(str(error).split()), 200)}") from error
    return root


def _refuse_depth(path: Path, text: str) -> None:
    """Checked before anything is composed, since that recurses: the events are enough to see how deep a file nests."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Quick):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise ConfigError(f"{path}:{line}: expected at most {_DEEPEST} levels of nesting")
    except yaml.YAMLError:
        return  # the part before the mistake is not too deep


@dataclass
class _Builder:
    """Turns nodes into plain values; notes each one's line and every mistake of form."""

    path: Path
    lines: dict[YamlPath, int]
    problems: list[str]

    def build(self, node: yaml.Node, at: YamlPath) -> object:
        if len(at) > _DEEPEST or len(self.lines) > _MOST_VALUES:
            raise ConfigError(f"{self.path}: an alias holds itself, or the file nests too deeply: write it out")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self.lines[(*at, number)] = item.start_mark.line + 1
            return [self.build(item, (*at, number)) for number, item in enumerate(node.value)]
        try:
            return _SCALARS[node.tag](node.value)
        except (KeyError, ValueError):
            self.refuse(node, at, f"value '{shown(node.value)}': expected no tag such as {shown(node.tag)}")
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
