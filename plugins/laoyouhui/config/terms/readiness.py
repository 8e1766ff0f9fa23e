"""What must be ready before the launch, and who is responsible: rules, 11; plan, P1 and P3 to P5."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from laoyouhui.config.kinds import (
    LONGEST_CODE,
    MOST_ENTRIES,
    BasisPoints,
    Count,
    Entries,
    EntriesOrNone,
    Kind,
    Section,
    Text,
    one_of,
    only_shown,
    refuse,
    repeated,
    text_like,
)
from laoyouhui.config.located_yaml import YamlPath

TEAMS = ("marketing", "customer_service", "technology")
MEETS = {
    "trainings.*.course": ("feeds.training.course",),
    "trainings.*.halls.*": ("feeds.hall.hall_code",),
    "system_tests.*.system": ("feeds.system_test.system",),
    "system_tests.*.kinds.*": ("feeds.system_test.kind",),
    "stock.*.item": ("feeds.stock_movement.item",),
    "stock.*.kind": ("feeds.stock_movement.kind",),
    "stock.*.halls.*": ("feeds.hall.hall_code",),
}
_CODE = r"[^|/\s]+"  # a line's name is its codes, separated by /


def _names_halls(value: object) -> bool:
    if value is None or value == "all":
        return True
    codes = value if isinstance(value, list) else []
    return bool(codes) and all(isinstance(code, str) and re.fullmatch(_CODE, code) for code in codes)


def _short_enough(halls: object) -> str | None:
    codes = halls if isinstance(halls, list) else []
    if len(codes) > MOST_ENTRIES:
        return f"at most {MOST_ENTRIES} halls"
    if any(len(code) > LONGEST_CODE for code in codes):
        return f"halls of at most {LONGEST_CODE} characters"
    return next(filter(None, map(only_shown, codes)), None)


_Team = Annotated[str, one_of(*TEAMS)]
_Subject = Annotated[
    str, text_like(_CODE, "a code without spaces, '/' or '|', in quotes where it is a number", LONGEST_CODE)
]
_Halls = Annotated[
    str | list[str] | None,
    Kind("all (each designated hall), a list of halls, or no field (needed in total)", _names_halls, (_short_enough,)),
]


class _Duties(Section):
    team: _Team
    responsible: Text
    duties: Entries[Text]


class _Training(Section):
    team: _Team
    course: _Subject
    staff: Count
    share_bp: BasisPoints = 0
    halls: _Halls = None


class _SystemTest(Section):
    team: _Team
    system: _Subject
    kinds: Entries[Annotated[str, one_of("FUNCTION", "PERFORMANCE", "COMPATIBILITY")]]


class _Stock(Section):
    team: _Team
    item: _Subject
    kind: Annotated[str, one_of("GIFT", "MATERIAL")]
    quantity: Count
    halls: _Halls = None


class Terms(Section):
    """The task force, and the lines that must be met or waived before anything is granted."""

    teams: list[_Duties]
    trainings: EntriesOrNone[_Training] = Field(default_factory=list)
    system_tests: EntriesOrNone[_SystemTest] = Field(default_factory=list)
    stock: EntriesOrNone[_Stock] = Field(default_factory=list)

    @field_validator("teams")
    @classmethod
    def each_team_once(cls, teams: list[_Duties]) -> list[_Duties]:
        names = [entry.team for entry in teams]
        missing = [team for team in TEAMS if team not in names]
        refuse(
            [
                *(((number, "team"), team, "each team once") for number, team in repeated(names)),
                *(((), names, f"the team {team}, with who is responsible and its duties") for team in missing),
            ]
        )
        return teams

    @model_validator(mode="after")
    def lines_once(self) -> Self:
        tests = [
            (number, place, (need.system, kind))
            for number, need in enumerate(self.system_tests)
            for place, kind in enumerate(need.kinds)
        ]
        mistakes: list[tuple[YamlPath, object, str]] = [
            (
                ("system_tests", tests[at][0], "kinds", tests[at][1]),
                tests[at][2][1],
                "each kind of a system's tests once",
            )
            for at, _ in repeated([test for _, _, test in tests])
        ]
        for name, field, subjects in (
            ("trainings", "course", [need.course for need in self.trainings]),
            ("stock", "item", [need.item for need in self.stock]),
        ):
            mistakes += [((name, at, field), subject, f"each {field} once") for at, subject in repeated(subjects)]
        halls = [("trainings", [need.halls for need in self.trainings]), ("stock", [need.halls for need in self.stock])]
        for name, lists in halls:
            for number, named in enumerate(lists):
                codes = named if isinstance(named, list) else []
                mistakes += [((name, number, "halls", at), hall, "each hall once") for at, hall in repeated(codes)]
        if not (self.trainings or self.system_tests or self.stock):
            mistakes.append((("trainings",), [], "at least one line in trainings, system_tests or stock"))
        refuse(mistakes)
        return self
