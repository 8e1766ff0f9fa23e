"""The sections of a campaign's terms, each a module of its name with a class `Terms`; a benefit adds its own.

A module may have `EVENTS`: what templates can tell of, and which placeholders a text may quote of it; `SECRETS`: which
of them is a secret, to be quoted exactly once, in service SMS alone; `NEEDS`: the event of which some template has to
tell where the section is offered; and `STANDS_ON`: the section without which it cannot stand. `MEETS`: the columns of
the carrier's profile that its values are held against or leave in (`*` is each entry of a list); `longest`, beside
`EVENTS`: for the terms of the section the longest text that can stand for each placeholder.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def sections(*, but: str = "") -> dict[str, ModuleType]:
    """The modules of all sections by name, without the one called `but`."""
    names = sorted(module.name for module in iter_modules(__path__))
    return {name: import_module(f"{__name__}.{name}") for name in names if name != but}
