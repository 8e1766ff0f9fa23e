"""What a step leaves behind is private to the pipeline's user, whatever the umask."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from laoyouhui.config.settings import Settings

_Step = TypeVar("_Step", bound=Callable[..., Any])


def private(step: _Step) -> _Step:
    """Have a step make every file and folder private, and restrict the work folder and what is open in it.

    Spool, reports, archives and alerts hold numbers, names and money, and so may files that a library writes for us: so
    we set the process's umask while the step runs. A step's first argument is its settings.
    """

    @functools.wraps(step)
    def privately(settings: Settings, *asked: object, **named: object) -> object:
        before = os.umask(0o077)
        try:
            private_folder(settings.work)
            for folder in settings.work.iterdir():
                if folder.is_dir() and not folder.is_symlink():
                    private_folder(folder)
            return step(settings, *asked, **named)
        finally:
            os.umask(before)

    return cast("_Step", privately)


def private_folder(folder: Path) -> None:
    """Make a folder for this user only; restrict an existing one that was open to others."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid == os.geteuid() and found.st_mode & 0o077:
        folder.chmod(0o700)
