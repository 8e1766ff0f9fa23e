"""Who may ask for a manual override, and who may confirm what another has asked for (rules, 14.3)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import MinLen

from laoyouhui.config.kinds import Kind, Section, Text, refuse, repeated, whole
from laoyouhui.config.text import is_safe

Right = Literal["ask", "confirm"]
_ALPHABETS = ("LATIN", "GREEK", "CYRILLIC")  # whose letters look alike: a Latin a, a Cyrillic а


def name_key(name: str) -> str:
    """What two spellings of one name share: Unicode form, blanks and case do not make a second person."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


@dataclass(frozen=True)
class Person:
    """A person as the campaign file declares it: by name and role, with what the person may do."""

    name: str
    role: str
    may: tuple[Right, ...]


@dataclass(frozen=True)
class People:
    """The people of a campaign; nobody where it declares none. A pending override waits `confirm_within_days`."""

    declared: tuple[Person, ...] = ()
    confirm_within_days: int = 7

    def find(self, name: str) -> Person | None:
        """The person of that name, in any spelling; None if nobody of that name is declared."""
        return next((person for person in self.declared if name_key(person.name) == name_key(name)), None)


NOBODY = People()


def _is_a_name(value: object) -> bool:
    if not isinstance(value, str) or not is_safe(value) or not 1 <= len(name_key(value)) <= 60:
        return False
    alphabets = {unicodedata.name(letter, "").split(" ")[0] for letter in value if letter.isalpha()}
    return len(alphabets.intersection(_ALPHABETS)) <= 1


_NAME = Kind("a person's name, letters of one alphabet, without invisible characters", _is_a_name)
_RIGHT = Kind("ask or confirm", lambda value: value in {"ask", "confirm"})


class PersonForm(Section):
    """One entry of `people`."""

    name: Annotated[str, _NAME]
    role: Text
    may: Annotated[list[Annotated[Right, _RIGHT]], MinLen(1)]

    def declared(self) -> Person:
        """The person."""
        return Person(self.name, self.role, tuple(self.may))


class OverridesForm(Section):
    """The section `overrides`: parameters of manual overrides."""

    confirm_within_days: Annotated[int, whole(1, 90, "whole days")] = 7


def each_once(people: Sequence[PersonForm]) -> None:
    """Refuse a name that occurs twice, in any spelling: one person cannot be two."""
    names = [name_key(person.name) for person in people]
    refuse(
        ((number, "name"), people[number].name, "each person once, in any spelling") for number, _ in repeated(names)
    )
