"""Copies of the project: to change as an upgrade would, or to do what a page shows in (files, diffs, commands)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<path>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: commands (`sh`), a change of a file (`diff <path>`), or a whole file (`<language> <path>`)."""

    kind: str
    path: str
    text: str


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page of `docs/`, or of the root, in their order; without what only shows output."""
    for found in _BLOCK.finditer((HOME / page).read_text("utf-8")):
        block = Block(found["kind"], found["path"] or "", found["text"])
        if block.kind == "sh" or block.path:
            yield block


def copy_dbt_project(folder: Path, *more: str) -> Path:
    """Copy the dbt project, what goes with it and `more` folders, for a test to change; give `folder`."""
    for part in ("dbt_project", "expectations", "carriers", *more):
        shutil.copytree(HOME / part, folder / part, ignore=shutil.ignore_patterns("target", "logs", "__pycache__"))
    return folder


def copy_project(folder: Path) -> Path:
    """A clone as it would be were what is here committed, with the packages that are installed here."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=HOME,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (HOME / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(HOME / name, folder / name)
    (folder / ".venv").symlink_to((HOME / ".venv").resolve())
    return folder


def apply(file: Path, change: str) -> None:
    """Change a file as a hunk of a diff says; the lines that it shows stand there once."""
    lines = change.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    text = file.read_text("utf-8")
    assert text.count(before) == 1, f"{file}: the page shows other lines than stand there:\n{before}"
    file.write_text(text.replace(before, after), "utf-8")


def do(block: Block, project: Path, environment: Mapping[str, str]) -> str:
    """Do what a block says, and give what its commands said."""
    file = project / block.path
    if block.kind == "diff":
        apply(file, block.text)
    elif block.path:
        assert not file.exists(), f"{block.path}: the page shows as new what is there"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, "utf-8")
    else:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text],
            cwd=project,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        said = f"{block.text}\n{done.stdout[-6000:]}"
        assert done.returncode == 0, said
        assert not re.search("^ERROR:", done.stdout, re.MULTILINE), said  # psql goes on after one
        return done.stdout
    return ""


def bare_environment(home: Path) -> dict[str, str]:
    """As in a shell just opened by somebody with an empty home: nothing that make, pytest or this session has set."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
