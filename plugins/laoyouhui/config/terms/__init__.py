"""The sections of a campaign's terms, each a module of its name with a class `Terms`; a benefit adds its own.

A module may have `EVENTS`: what templates can tell of, and which placeholders a text may quote of it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def sections(*, but: str = "") -> dict[str, ModuleType]:
    """The modules of all sections by name, without the one called `but`."""
    names = (module.name for module in iter_modules(__path__))
    return {name: import_module(f"{__name__}.{name}") for name in sorted(names) if name != but}
