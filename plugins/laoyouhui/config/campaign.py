"""The campaign file: every `[parameter]` of the rules, as a frozen object, or refused with all mistakes together.

`make check`, or `python -m laoyouhui.config.campaign <file>`, prints `ok`, or the mistakes and ends with 2.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar, get_args, get_origin

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, create_model, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from laoyouhui.config.agreement import campaign_mistakes
from laoyouhui.config.carrier import Carrier, read_carrier
from laoyouhui.config.errors import ConfigError
from laoyouhui.config.kinds import (
    MOST_ENTRIES,
    BasisPoints,
    Date,
    Entries,
    Kind,
    Month,
    Name,
    Section,
    SumFen,
    Text,
    one_of,
    refusal,
    refuse,
    repeated,
    text_like,
    whole,
)
from laoyouhui.config.located_yaml import Locate, YamlPath, load, read, shown, spell
from laoyouhui.config.people import NOBODY, OverridesForm, People, PersonForm, each_once
from laoyouhui.config.terms import sections
from laoyouhui.config.warehouse_agreement import carrier_mistakes

BUDGET_LINES = ("B1", "B2", "B3", "B4", "B5.1", "B5.2", "B6", "B7", "B8")


@dataclass(frozen=True)
class TermsVersion:
    """The terms for events from `effective_from` on: complete and JSON-able, dates as ISO text, money in fen.

    A section that the campaign does not have, such as a benefit that it does not give, is absent from `terms`.
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
        """A benefit that is delivered only by its message needs a template; one for members needs members."""
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
    """All of a version's terms: every section in `terms/`."""
    fields: dict[str, Any] = {
        name: (module.Terms, ...) if getattr(module.Terms, "is_required", False) else (module.Terms | None, None)
        for name, module in sections().items()
    }
    return create_model("Terms", __base__=_WholeTerms, **fields)


class _VersionHead(Section):
    """The date of a version; its changes are judged merged with the versions before it, by `_terms_form`."""

    model_config = ConfigDict(extra="allow")

    effective_from: Date


class _ControlGroup(Section):
    share_bp: BasisPoints
    salt: Text


class _BudgetEntry(Section):
    line: Annotated[str, one_of(*BUDGET_LINES)]
    month: Month
    plan_fen: SumFen


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
    terms: Entries[_VersionHead]
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
    """Read one campaign file and judge its form.

    The carrier's profile is looked for in `carriers/` beside the file's own folder, then in `LAOYOUHUI_HOME`. Raises
    `ConfigError` with a line for each mistake, in the order of the file's lines: `campaigns/x.yml:42:
    terms[0].recharge.tiers[1].discount_fen: value '12.5': expected whole fen, ...`. A mistake of a later version is
    shown on that version's line.
    """
    return _read(path).campaign


def load_campaigns(
    files: Sequence[Path], carrier_file: Path | None = None, contents: Mapping[Path, bytes] | None = None
) -> tuple[Campaign, ...]:
    """Read the campaigns that run together, in the order given, and judge them against everything they will meet.

    That is the carrier profile (`carrier_file` instead of their own, if given), the warehouse and each other.
    `contents` replaces what a file holds now. Raises ConfigError with every mistake of every file.
    """
    return judge_campaigns(files, carrier_file, contents)[0]


def judge_campaigns(
    files: Sequence[Path], carrier_file: Path | None = None, contents: Mapping[Path, bytes] | None = None
) -> tuple[tuple[Campaign, ...], list[str]]:
    """As `load_campaigns`, with the warnings: possible mistakes that stop no run, a line for each, as people read
    them.
    """
    read: list[_File] = []
    mistakes: list[str] = []
    for path in files:
        try:
            read.append(_read(path, (contents or {}).get(path)))
        except ConfigError as error:
            mistakes.append(str(error))
    campaigns = tuple(file.campaign for file in read)
    profiles = {carrier_file} if carrier_file else {campaign.carrier_file for campaign in campaigns}
    for profile in sorted(profiles):
        try:
            carrier = judge_carrier(profile)
        except ConfigError as error:
            mistakes.append(str(error))
            continue
        for file in read:
            if carrier_file or file.campaign.carrier_file == profile:
                mistakes += file.lines(_against_profile(file, carrier, alone=len(files) == 1))
    for number, file in enumerate(read):
        mistakes += file.lines(_beside_each_other(file, read[:number], campaigns))
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return campaigns, [line for file in read for line in file.lines(_strangers(file, campaigns))]


def judge_carrier(path: Path) -> Carrier:
    """Read a carrier profile and judge it against the warehouse. Raises ConfigError with every mistake."""
    carrier, line = read_carrier(path)
    mistakes = [line(at, expected) for at, expected in carrier_mistakes(carrier, _home())]
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return carrier


@dataclass(frozen=True)
class _Mistake:
    at: YamlPath
    shown: str
    expected: str


@dataclass(frozen=True)
class _File:
    """A campaign file of a right form; `changes` are its versions as written, without their dates."""

    path: Path
    locate: Locate
    changes: tuple[Mapping[str, Any], ...]
    campaign: Campaign

    def lines(self, mistakes: Iterable[_Mistake]) -> list[str]:
        """The mistakes as people read them, in the order of the file's lines."""
        return _lines(self.path, self.locate, mistakes)


def _lines(path: Path, locate: Locate, mistakes: Iterable[_Mistake]) -> list[str]:
    found = sorted(((locate(mistake.at), mistake) for mistake in mistakes), key=lambda entry: entry[0])
    return [f"{path}:{line}: {spell(m.at)}: {m.shown}: expected {m.expected}" for line, m in found]


def _read(path: Path, content: bytes | None = None) -> _File:
    content = read(path) if content is None else content
    data, locate = load(path, content)
    whole, found = _judge(_CampaignFile, data, path)

    merged: dict[str, Any] = {}
    changes: list[dict[str, Any]] = []
    versions: list[dict[str, Any]] = []
    of_versions: list[list[_Mistake]] = []
    for version in _mappings(data, "terms"):
        changes.append({name: value for name, value in version.items() if name != "effective_from"})
        merged = _merge(merged, changes[-1])
        terms, mistakes = _judge(_terms_form(), merged, path)
        of_versions.append(mistakes)
        if terms:
            whole_terms = terms.model_dump(mode="json", by_alias=True)
            versions.append({name: value for name, value in whole_terms.items() if value is not None})
    found += _each_once(changes, of_versions)

    if whole is None or found:
        raise ConfigError("\n".join(_lines(path, locate, found)))
    campaign = Campaign(
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
        sha256=hashlib.sha256(content).hexdigest(),
        people=People(
            tuple(person.declared() for person in whole.people),
            whole.overrides.confirm_within_days,
        ),
    )
    return _File(path, locate, tuple(changes), campaign)


def _each_once(changes: Sequence[Mapping[str, Any]], of_versions: Sequence[Sequence[_Mistake]]) -> list[_Mistake]:
    """Mistakes of versions, by paths within each: in the version that says it, or the first that has it."""
    found = []
    inherited: Sequence[_Mistake] = []
    for number, (said, mistakes) in enumerate(zip(changes, of_versions, strict=True)):
        found += [
            _Mistake(("terms", number, *mistake.at), mistake.shown, mistake.expected)
            for mistake in mistakes
            if mistake not in inherited or _holds(said, mistake.at)
        ]
        inherited = mistakes
    return found


def _against_profile(file: _File, carrier: Carrier, *, alone: bool) -> list[_Mistake]:
    of_versions = campaign_mistakes([version.terms for version in file.campaign.versions], carrier)
    found = _each_once(
        file.changes,
        [[_Mistake(at, _shown(value), expected) for at, value, expected in mistakes] for mistakes in of_versions],
    )
    nameless = [name for name, interface in carrier.interfaces.items() if "{campaign}" not in interface.file_pattern]
    if nameless and not alone:
        expected = f"one campaign: the profile's file names of {', '.join(nameless)} hold no {{campaign}}"
        found.append(_Mistake(("campaign",), _shown(file.campaign.campaign_id), expected))
    names = [
        interface.file_pattern.replace("{interface}", name).replace("{campaign}", file.campaign.campaign_id)
        for name, interface in carrier.interfaces.items()
    ]
    for _, name in repeated(names):
        expected = f"another name: files of two interfaces would be called {name}"
        found.append(_Mistake(("campaign",), _shown(file.campaign.campaign_id), expected))
    return found


def _beside_each_other(file: _File, before: Sequence[_File], campaigns: Sequence[Campaign]) -> Iterator[_Mistake]:
    own = file.campaign
    if own.campaign_id in {other.campaign.campaign_id for other in before}:
        yield _Mistake(("campaign",), _shown(own.campaign_id), "another name than those beside it")
    if before and own.carrier_file != before[0].campaign.carrier_file:
        yield _Mistake(("carrier",), _shown(own.carrier), f"that of {before[0].path}")
    for here, other in _excluded(file):
        if other == own.campaign_id:
            yield _Mistake(here, _shown(other), "another campaign than this one")
    people = campaigns[0].people.declared  # those of the first file count
    if not any(one.name != two.name for one in people if "ask" in one.may for two in people if "confirm" in two.may):
        for number, said in enumerate(file.changes):
            for name, most in (said.get("release") or {}).items():
                if most is not None:
                    expected = "null, or one who may ask and another who may confirm: above it a release waits for them"
                    yield _Mistake(("terms", number, "release", name), _shown(most), expected)


def _strangers(file: _File, campaigns: Sequence[Campaign]) -> Iterator[_Mistake]:
    """Excluded campaigns that are unknown here: the other file may be elsewhere, or the name mistyped."""
    known = {campaign.campaign_id for campaign in campaigns} | {path.stem for path in file.path.parent.glob("*.yml")}
    for here, other in _excluded(file):
        if other not in known:
            expected = f"a campaign that runs beside it, or lies beside it as {other}.yml: none does, none is excluded"
            yield _Mistake(here, _shown(other), expected)


def _excluded(file: _File) -> Iterator[tuple[YamlPath, str]]:
    """Each campaign that a version excludes, with its place in the file."""
    for number, said in enumerate(file.changes):
        stacking = said.get("stacking") or {}
        for place, exclusion in enumerate(stacking.get("exclusive", ())):
            for at, other in enumerate(exclusion["campaigns"]):
                yield ("terms", number, "stacking", "exclusive", place, "campaigns", at), other


def _home() -> Path:
    return Path(os.environ.get("LAOYOUHUI_HOME") or Path(__file__).parents[3])


def _carrier_file(campaign_file: Path, carrier: str) -> Path:
    beside, at_home = (
        folder / "carriers" / f"{carrier}.yml" for folder in (campaign_file.absolute().parent.parent, _home())
    )
    return beside if beside.is_file() else at_home


def _mappings(data: object, name: str) -> list[dict[str, Any]]:
    entries = data.get(name) if isinstance(data, dict) else None
    return [entry if isinstance(entry, dict) else {} for entry in entries] if isinstance(entries, list) else []


def _merge(old: object, new: object) -> Any:  # noqa: ANN401 (YAML values)
    """`new` over `old`: mappings field by field, everything else (lists too) replaced whole."""
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
    return f"value '{shown(text)}'"


def _expected(form: type[Section], error: ErrorDetails) -> str:
    *holder, name = error["loc"] or ("",)
    if error["type"] == "refused":
        return str(error["ctx"]["expected"])
    if error["type"] == "missing":
        return _described(_section_at(form, holder).named_fields()[str(name)])
    if error["type"] == "extra_forbidden":
        known = _section_at(form, holder).named_fields()
        near = get_close_matches(str(name)[:40], known, n=1)
        strange = next((f", found U+{ord(letter):04X}" for letter in str(name) if not letter.isascii()), "")
        return f"a known field{strange}: did you mean '{near[0]}'?" if near else "a known field: " + ", ".join(known)
    plain = {"too_short": "at least one entry", "too_long": f"at most {MOST_ENTRIES} entries", "list_type": "a list"}
    fields = _section_at(form, error["loc"]).named_fields()
    needed = "a mapping with " + ", ".join(name for name, info in fields.items() if info.is_required())
    return plain.get(error["type"]) or needed


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
    """Judge the files named, those separated by `:` together; 0 when all are right, else 2 with the mistakes."""
    if not arguments:
        sys.stderr.write("usage: python -m laoyouhui.config.campaign <file.yml> ...\n")
        return 2
    try:
        for file in arguments:
            for warning in judge_campaigns([Path(part) for part in file.split(os.pathsep)])[1]:
                sys.stderr.write(f"warning: {warning}\n")
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("ok\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
