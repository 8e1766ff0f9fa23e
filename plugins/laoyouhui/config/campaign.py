"""The campaign file: every `[parameter]` of the rules, as a frozen object, or refused with every mistake at once.

`python -m laoyouhui.config.campaign <file>` prints `ok`, or the mistakes and ends with 2.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar, get_args, get_origin

from annotated_types import MinLen
from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, create_model, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from laoyouhui.config.errors import ConfigError
from laoyouhui.config.kinds import (
    BasisPoints,
    Date,
    Fen,
    Kind,
    Month,
    Name,
    Section,
    Text,
    one_of,
    refusal,
    refuse,
    repeated,
    text_like,
    whole,
)
from laoyouhui.config.located_yaml import YamlPath, load, spell
from laoyouhui.config.people import NOBODY, OverridesForm, People, PersonForm, each_once
from laoyouhui.config.terms import sections

BUDGET_LINES = ("B1", "B2", "B3", "B4", "B5.1", "B5.2", "B6", "B7", "B8")


@dataclass(frozen=True)
class TermsVersion:
    """The terms that hold for events from `effective_from` on: whole and JSON-able, dates as ISO text, money in fen.

    A section that the campaign does not have, as a benefit that it does not give, is absent from `terms`.
    """

    effective_from: date
    terms_version: str
    terms: dict[str, Any] = field(hash=False)


@dataclass(frozen=True)
class BudgetPlan:
    """What one budget line is planned to cost in the month that begins on `month`, in fen."""

    line: str
    month: date
    plan_fen: int


@dataclass(frozen=True)
class Campaign:
    """One campaign file as read. `ends_on` is included; `versions` ascend by date; `sha256` is of the file's bytes."""

    campaign_id: str
    name: str
    carrier: str
    carrier_file: Path
    starts_on: date
    ends_on: date
    priority: int
    control_share_bp: int
    control_salt: str
    versions: tuple[TermsVersion, ...]
    budget: tuple[BudgetPlan, ...]
    sha256: str
    people: People = NOBODY


# --- the form of the file --------------------------------------------------------------------------------------------


class _WholeTerms(Section):
    @model_validator(mode="after")
    def needs_are_met(self) -> Self:
        """A benefit that reaches nobody but by its message has a template; one for members has members."""
        told = {template.event for template in getattr(self, "messages").templates}  # noqa: B009 (made below)
        mistakes: list[tuple[YamlPath, object, str]] = []
        for name, module in sections().items():
            if getattr(self, name) is None:
                continue
            event, other = getattr(module, "NEEDS", None), getattr(module, "STANDS_ON", None)
            if event and event not in told:
                expected = f"a template of the event {event}, without which {name} reach nobody"
                mistakes.append((("messages", "templates"), [], expected))
            if other and getattr(self, other) is None:
                mistakes.append(((name,), {}, f"the section {other} beside it, on which it stands"))
        refuse(mistakes)
        return self


@cache
def _terms_form() -> type[Section]:
    """The whole of a version's terms: every section that stands in `terms/`."""
    fields: dict[str, Any] = {
        name: (module.Terms, ...) if getattr(module.Terms, "is_required", False) else (module.Terms | None, None)
        for name, module in sections().items()
    }
    return create_model("Terms", __base__=_WholeTerms, **fields)


class _VersionHead(Section):
    """The date of a version; what it changes is judged merged with the versions before it, as `_terms_form`."""

    model_config = ConfigDict(extra="allow")

    effective_from: Date


class _ControlGroup(Section):
    share_bp: BasisPoints
    salt: Text


class _BudgetEntry(Section):
    line: Annotated[str, one_of(*BUDGET_LINES)]
    month: Month
    plan_fen: Fen


class _CampaignFile(Section):
    campaign: Annotated[
        str, text_like("[a-z0-9]{1,20}", "1 to 20 lower-case letters and digits, in quotes where all are digits")
    ]
    name: Text
    carrier: Name
    starts_on: Date
    ends_on: Date
    priority: Annotated[int, whole(0, 1_000_000)]
    control_group: _ControlGroup
    terms: Annotated[list[_VersionHead], MinLen(1)]
    budget: list[_BudgetEntry]
    people: list[PersonForm] = Field(default_factory=list)
    overrides: OverridesForm = Field(default_factory=OverridesForm)

    @field_validator("carrier")
    @classmethod
    def carrier_known(cls, carrier: str, info: ValidationInfo) -> str:
        campaign_file: Any = info.context
        if not _carrier_file(campaign_file, carrier).is_file():
            raise refusal(f"the name of a carrier profile; there is no carriers/{carrier}.yml")
        return carrier

    @field_validator("ends_on")
    @classmethod
    def ends_after_start(cls, ends_on: str, info: ValidationInfo) -> str:
        starts_on = info.data.get("starts_on", "")
        if ends_on < starts_on:
            raise refusal(f"a date not before starts_on, {starts_on}")
        return ends_on

    @field_validator("terms")
    @classmethod
    def versions_ascending(cls, versions: list[_VersionHead], info: ValidationInfo) -> list[_VersionHead]:
        dates = [version.effective_from for version in versions]
        starts_on = info.data.get("starts_on", dates[0])
        mistakes: list[tuple[YamlPath, object, str]] = []
        if dates[0] > starts_on:
            mistakes.append(((0, "effective_from"), dates[0], f"a date not after starts_on, {starts_on}"))
        for number, (before, effective_from) in enumerate(pairwise(dates), start=1):
            if effective_from <= before:
                mistakes.append(
                    ((number, "effective_from"), effective_from, f"a date after the version before it, {before}")
                )
        refuse(mistakes)
        return versions

    @field_validator("people")
    @classmethod
    def people_once(cls, people: list[PersonForm]) -> list[PersonForm]:
        each_once(people)
        return people

    @field_validator("budget")
    @classmethod
    def months_once(cls, budget: list[_BudgetEntry]) -> list[_BudgetEntry]:
        twice = repeated([(entry.line, entry.month) for entry in budget])
        refuse(
            ((number, "month"), budget[number].month, f"each month of line {budget[number].line} once")
            for number, _ in twice
        )
        return budget


# --- reading ---------------------------------------------------------------------------------------------------------


def load_campaign(path: Path) -> Campaign:
    """Read and judge one campaign file.

    The carrier's profile is looked for in `carriers/` beside the file's own folder, then in `LAOYOUHUI_HOME`. Raises
    `ConfigError` with a line for each mistake, in the order of the file's lines:
    `campaigns/x.yml:42: terms[0].recharge.tiers[1].discount_fen: value '12.5': expected whole fen, ...`. What a later
    version breaks is shown where that version says it.
    """
    data, locate = load(path)
    whole, mistakes = _judge(_CampaignFile, data, path)
    found = [(locate(mistake.at), mistake) for mistake in mistakes]

    merged: dict[str, Any] = {}
    versions: list[dict[str, Any]] = []
    inherited: list[_Mistake] = []
    for number, version in enumerate(_mappings(data, "terms")):
        changes = {name: value for name, value in version.items() if name != "effective_from"}
        merged = _merge(merged, changes)
        terms, mistakes = _judge(_terms_form(), merged, path)
        for mistake in mistakes:
            if mistake not in inherited or _holds(changes, mistake.at):
                place = ("terms", number, *mistake.at)
                found.append((locate(place), _Mistake(place, mistake.shown, mistake.expected)))
        inherited = mistakes
        if terms:
            whole_terms = terms.model_dump(mode="json", by_alias=True)
            versions.append({name: value for name, value in whole_terms.items() if value is not None})

    if whole is None or found:
        found.sort(key=lambda entry: entry[0])
        raise ConfigError(
            "\n".join(f"{path}:{line}: {spell(m.at)}: {m.shown}: expected {m.expected}" for line, m in found)
        )
    return Campaign(
        campaign_id=whole.campaign,
        name=whole.name,
        carrier=whole.carrier,
        carrier_file=_carrier_file(path, whole.carrier),
        starts_on=date.fromisoformat(whole.starts_on),
        ends_on=date.fromisoformat(whole.ends_on),
        priority=whole.priority,
        control_share_bp=whole.control_group.share_bp,
        control_salt=whole.control_group.salt,
        versions=tuple(
            TermsVersion(
                effective_from=date.fromisoformat(head.effective_from),
                terms_version=f"{whole.campaign}@{head.effective_from}",
                terms=terms_of_version,
            )
            for head, terms_of_version in zip(whole.terms, versions, strict=True)
        ),
        budget=tuple(
            BudgetPlan(entry.line, date.fromisoformat(f"{entry.month}-01"), entry.plan_fen) for entry in whole.budget
        ),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        people=People(
            tuple(person.declared() for person in whole.people),
            whole.overrides.confirm_within_days,
        ),
    )


def load_campaigns(files: Sequence[Path]) -> tuple[Campaign, ...]:
    """Read the campaigns that run at once, in the order given. Raises ConfigError where names or carriers clash."""
    campaigns = tuple(load_campaign(file) for file in files)
    mistakes = []
    for number, (file, campaign) in enumerate(zip(files, campaigns, strict=True)):
        if campaign.campaign_id in {other.campaign_id for other in campaigns[:number]}:
            mistakes.append(
                f"{file}: campaign: value '{campaign.campaign_id}': expected another name than those beside it"
            )
        if campaign.carrier_file != campaigns[0].carrier_file:
            mistakes.append(f"{file}: carrier: value '{campaign.carrier}': expected that of {files[0]}")
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return campaigns


def _carrier_file(campaign_file: Path, carrier: str) -> Path:
    home = Path(os.environ.get("LAOYOUHUI_HOME") or Path(__file__).parents[3])
    beside, at_home = (
        folder / "carriers" / f"{carrier}.yml" for folder in (campaign_file.absolute().parent.parent, home)
    )
    return beside if beside.is_file() else at_home


def _mappings(data: object, name: str) -> list[dict[str, Any]]:
    entries = data.get(name) if isinstance(data, dict) else None
    return [entry if isinstance(entry, dict) else {} for entry in entries] if isinstance(entries, list) else []


def _merge(old: object, new: object) -> Any:  # noqa: ANN401 (YAML values)
    """`new` over `old`: mappings field by field, all else (lists too) replaced whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{name: _merge(old.get(name), value) for name, value in new.items()}}
    return new


def _holds(data: Any, path: YamlPath) -> bool:  # noqa: ANN401 (YAML values)
    try:
        for step in path:
            data = data[step]
    except (KeyError, TypeError):
        return False
    return True


@dataclass(frozen=True)
class _Mistake:
    at: YamlPath
    shown: str
    expected: str


_Form = TypeVar("_Form", bound=Section)


def _judge(form: type[_Form], data: object, path: Path) -> tuple[_Form | None, list[_Mistake]]:
    try:
        return form.model_validate(data, context=path), []
    except ValidationError as error:
        return None, [
            _Mistake(
                at=entry["loc"],
                shown="missing" if entry["type"] == "missing" else _shown(entry["input"]),
                expected=_expected(form, entry),
            )
            for entry in error.errors(include_url=False)
        ]


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?|true|false|null", value):
        text = f'"{value}"'  # a quoted number would look like the number itself
    return f"value '{text if len(text) <= 80 else text[:79] + '…'}'"


def _expected(form: type[Section], error: ErrorDetails) -> str:
    *holder, name = error["loc"] or ("",)
    match error["type"]:
        case "refused":
            return str(error["ctx"]["expected"])
        case "missing":
            return _described(_section_at(form, holder).named_fields()[str(name)])
        case "extra_forbidden":
            known = _section_at(form, holder).named_fields()
            near = get_close_matches(str(name), known, n=1)
            return f"a known field: did you mean '{near[0]}'?" if near else "a known field: " + ", ".join(known)
        case "too_short":
            return "at least one entry"
        case "list_type":
            return "a list"
        case _:
            fields = _section_at(form, error["loc"]).named_fields()
            return "a mapping with " + ", ".join(name for name, info in fields.items() if info.is_required())


def _described(info: FieldInfo) -> str:
    for kind in info.metadata:
        if isinstance(kind, Kind):
            return kind.expected
    section = _section_of(info.annotation)
    return (
        "a mapping with " + ", ".join(section.named_fields())
        if section and get_origin(info.annotation) is not list
        else "a list"
    )


def _section_at(form: type[Section], path: Sequence[str | int]) -> type[Section]:
    for step in path:
        if isinstance(step, str):
            form = _section_of(form.named_fields()[step].annotation) or form
    return form


def _section_of(annotation: object) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((section for part in get_args(annotation) if (section := _section_of(part))), None)


def main(arguments: Sequence[str]) -> int:
    """Judge the files named; 0 when all are right, else 2 with the mistakes on standard error."""
    if not arguments:
        sys.stderr.write("usage: python -m laoyouhui.config.campaign <file.yml> ...\n")
        return 2
    try:
        for file in arguments:
            load_campaign(Path(file))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("ok\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
