"""The sections of a campaign's terms, each a module of its name with a class `Terms`; a benefit adds its own.

A module may have `EVENTS`: what templates can announce, and which placeholders their texts may use; `SECRETS`: which of
these is a secret, to be used exactly once, in service SMS only; `NEEDS`: the event that some template must announce if
the section is used; and `STANDS_ON`: the section that it requires. `MEETS`: the columns of the carrier profile that its
values are compared with or leave in (`*` is each entry of a list); `longest`, beside `EVENTS`: for the terms of the
section the longest text that can replace each placeholder.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def sections(*, but: str = "") -> dict[str, ModuleType]:
    """The modules of all sections by name, without the one called `but`."""
    names = sorted(module.name for module in iter_modules(__path__))
    return {name: import_module(f"{__name__}.{name}") for name in names if name != but}
