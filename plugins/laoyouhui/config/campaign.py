"""The campaign file: every `[parameter]` of the rules, as a frozen object, or refused with every mistake at once.

`python -m laoyouhui.config.campaign <file>` prints `ok`, or the mistakes and ends with 2.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar, get_args, get_origin

from annotated_types import MinLen
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, PydanticCustomError, core_schema

from laoyouhui.config.errors import ConfigError
from laoyouhui.config.located_yaml import YamlPath, load, spell

TEAMS = ("marketing", "customer_service", "technology")  # P1: the task force
BUDGET_LINES = ("B1", "B2", "B3", "B4", "B5.1", "B5.2", "B6", "B7", "B8")

# what a text may quote of the event that it tells of
PLACEHOLDERS = {
    "announcement": ("starts_on", "ends_on"),
    "data_gift": ("gigabytes", "megabytes", "valid_from", "valid_to", "month"),
    "instalment": ("instalment_no", "instalments", "yuan", "recharge_id"),
}


@dataclass(frozen=True)
class TermsVersion:
    """The terms that hold for events from `effective_from` on: whole and JSON-able, dates as ISO text, money in fen.

    What the campaign does not give (`data_gift`, `recharge`) or watch (`watch`) is absent from `terms`.
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


# --- the kinds of value ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kind:
    """A kind of single value: how people are told of it, and which values belong to it."""

    expected: str
    fits: Callable[[Any], bool]

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def _check(self, value: object) -> object:
        if not self.fits(value):
            raise _refusal(self.expected)
        return value


def _refusal(expected: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{expected}", {"expected": expected})


def _whole(low: int, high: int, what: str = "a whole number") -> _Kind:
    # `type(...) is int`, since True is an int too
    return _Kind(f"{what} from {low} to {high}", lambda value: type(value) is int and low <= value <= high)


def _text(pattern: str, expected: str) -> _Kind:
    return _Kind(expected, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None)


def _one_of(*choices: str) -> _Kind:
    return _Kind("one of " + ", ".join(choices), lambda value: value in choices)


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _fen(low: int) -> _Kind:
    return _Kind(
        f"whole fen, {low} or more, without decimals or quotes",
        lambda value: type(value) is int and low <= value <= 10**15,
    )


Fen = Annotated[int, _fen(0)]
PositiveFen = Annotated[int, _fen(1)]
BasisPoints = Annotated[int, _whole(0, 10_000, "whole basis points")]
Count = Annotated[int, _whole(1, 1_000_000)]
Days = Annotated[int, _whole(0, 10_000, "whole days")]
Years = Annotated[int, _whole(0, 200, "whole years")]
YesNo = Annotated[bool, _Kind("true or false", lambda value: isinstance(value, bool))]
Date = Annotated[str, _Kind("a date YYYY-MM-DD", _is_date)]
Month = Annotated[str, _text(r"[0-9]{4}-(0[1-9]|1[0-2])", "a month YYYY-MM")]
Clock = Annotated[str, _text(r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time of day HH:MM")]
Name = Annotated[str, _text(r"[a-z0-9_]+", "the name of a file in carriers/, without .yml")]
_LINE = _text(r"[^|\r\n]*[^|\r\n\s][^|\r\n]*", "text in one line, without '|'")
Text = Annotated[str, _LINE]
Code = Annotated[str, _text(r"[^|\s]+", "a code without spaces or '|', in quotes where it is a number")]


# --- the form of the file --------------------------------------------------------------------------------------------


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    @classmethod
    def named_fields(cls) -> dict[str, FieldInfo]:
        return {info.alias or name: info for name, info in cls.model_fields.items()}


def _refuse(mistakes: Iterable[tuple[YamlPath, object, str]]) -> None:
    """Raise what is wrong below the value being validated, as (path from it, value, expected), if anything is."""
    found = [InitErrorDetails(type=_refusal(expected), loc=at, input=value) for at, value, expected in mistakes]
    if found:
        raise ValidationError.from_exception_data("campaign", found)


def _ascending(values: Sequence[int]) -> list[tuple[int, int, str]]:
    return [
        (number, value, f"more than the {before} before it")
        for number, (before, value) in enumerate(pairwise(values), start=1)
        if value <= before
    ]


def _repeated(values: Sequence[object]) -> list[tuple[int, object]]:
    return [(number, value) for number, value in enumerate(values) if value in values[:number]]


class _Intake(_Section):
    bad_rows_limit_bp: BasisPoints
    delivered_by: Clock


class _Watch(_Section):
    finished_by: Clock
    stale_days: Count
    unanswered_days: Days


class _Eligibility(_Section):
    founded_on: Date
    segments: Annotated[list[Code], MinLen(1)]
    main_card_only: YesNo
    tenure_years: Years
    port_in_years: Years
    owner_years: Years
    tenure_judged_on: Annotated[str, _one_of("event", "campaign_start")]
    tenure_bands_years: Annotated[list[Years], MinLen(1)]

    @field_validator("tenure_bands_years")
    @classmethod
    def bands_without_gaps(cls, ends: list[int]) -> list[int]:
        from_zero = [((0,), ends[0], "0, so that no subscriber falls below the first band")] if ends[0] else []
        _refuse([*from_zero, *(((number,), end, why) for number, end, why in _ascending(ends))])
        return ends

    @field_validator("segments")
    @classmethod
    def segments_once(cls, segments: list[str]) -> list[str]:
        _refuse(((number,), segment, "each segment once") for number, segment in _repeated(segments))
        return segments


class _DataGift(_Section):
    months: Count
    megabytes: Count
    product_code: Code
    unit_price_fen_per_gb: Fen


class _Tier(_Section):
    face_fen: PositiveFen
    discount_fen: Fen
    bonus_fen: Fen = 0
    instalments: Annotated[int | None, _whole(1, 1_000_000)] = None

    @model_validator(mode="after")
    def amounts_agree(self) -> Self:
        mistakes: list[tuple[YamlPath, object, str]] = []
        if self.discount_fen > self.face_fen:
            mistakes.append((("discount_fen",), self.discount_fen, f"no more than face_fen, {self.face_fen}"))
        if self.instalments is None:
            if self.bonus_fen:
                mistakes.append((("bonus_fen",), self.bonus_fen, "instalments beside it, to pay the bonus in"))
        elif not self.bonus_fen:
            mistakes.append((("instalments",), self.instalments, "a bonus_fen beside it, to pay in instalments"))
        elif self.instalments > self.bonus_fen:
            expected = f"no more instalments than the bonus has fen, {self.bonus_fen}"
            mistakes.append((("instalments",), self.instalments, expected))
        _refuse(mistakes)
        return self


class _Recharge(_Section):
    match: Annotated[str, _one_of("exact", "floor")]
    channels: Annotated[list[Code], MinLen(1)]
    tiers: Annotated[list[_Tier], MinLen(1)]
    limit_per_tier_month: Count
    customer_limit_per_month: Annotated[
        int | None,
        _Kind(
            "a whole number from 1 to 1000000, or null for no cap",
            lambda value: value is None or (type(value) is int and 1 <= value <= 1_000_000),
        ),
    ] = None
    instalment_day: Annotated[
        int | None,
        _Kind(
            "a day of the month from 1 to 28, or null for the recharge's own day",
            lambda value: value is None or (type(value) is int and 1 <= value <= 28),
        ),
    ] = None
    odd_fen_to: Annotated[str, _one_of("last", "first")]
    hold_days: Days
    late_days: Days
    orphan_reversal_days: Days

    @field_validator("channels")
    @classmethod
    def channels_once(cls, channels: list[str]) -> list[str]:
        _refuse(((number,), channel, "each channel once") for number, channel in _repeated(channels))
        return channels

    @field_validator("tiers")
    @classmethod
    def tiers_ascending(cls, tiers: list[_Tier]) -> list[_Tier]:
        faces = [tier.face_fen for tier in tiers]
        _refuse(((number, "face_fen"), face, why) for number, face, why in _ascending(faces))
        return tiers


class _Hours(_Section):
    from_: Clock = Field(alias="from")
    to: Clock

    @model_validator(mode="after")
    def from_before_to(self) -> Self:
        if self.from_ >= self.to:
            _refuse([(("to",), self.to, f"a time after from, {self.from_}")])
        return self


class _MarketingLimit(_Section):
    messages: Count
    days: Count


class _Template(_Section):
    code: Code
    class_: Annotated[str, _one_of("service", "marketing")] = Field(alias="class")
    channel: Annotated[str, _one_of("sms", "push")] = "sms"
    event: Annotated[str, _one_of(*PLACEHOLDERS)]
    days_before_start: Annotated[int | None, _whole(0, 10_000, "whole days")] = None
    title: Annotated[str | None, _LINE] = None
    text: Text

    @field_validator("title", "text")
    @classmethod
    def placeholders_known(cls, text: str | None, info: ValidationInfo) -> str | None:
        allowed = PLACEHOLDERS.get(info.data.get("event", ""))
        if allowed is None or text is None:
            return text
        others = re.search("{[^{}]*}|[{}]", re.sub("{(" + "|".join(allowed) + ")}", "", text))
        if others:
            spelled = ", ".join(f"{{{name}}}" for name in allowed)
            raise _refusal(f"only the placeholders {spelled}, not {others[0]}")
        return text

    @model_validator(mode="after")
    def fields_agree(self) -> Self:
        mistakes: list[tuple[YamlPath, object, str]] = []
        if (self.channel == "push") != (self.title is not None):
            mistakes.append((("title",), self.title, "a title exactly where the channel is push"))
        if (self.event == "announcement") != (self.days_before_start is not None):
            mistakes.append((("days_before_start",), self.days_before_start, "days exactly at an announcement"))
        if self.event == "announcement" and self.class_ != "marketing":
            mistakes.append((("class",), self.class_, "marketing, which an announcement is"))
        _refuse(mistakes)
        return self


class _Messages(_Section):
    signature: Text
    opt_out_text: Text
    push_opt_out_text: Annotated[str | None, _LINE] = None
    hours: _Hours
    marketing_limit: _MarketingLimit
    unit_price_fen: Fen
    templates: list[_Template]

    @field_validator("templates")
    @classmethod
    def texts_lawful(cls, templates: list[_Template], info: ValidationInfo) -> list[_Template]:
        # where the signature itself is refused there is nothing to compare with
        signature = info.data.get("signature", "")
        endings = {  # nobody can reply to a push message
            "sms": ("opt_out_text", info.data.get("opt_out_text", "")),
            "push": ("push_opt_out_text", info.data.get("push_opt_out_text", "")),
        }
        mistakes: list[tuple[YamlPath, object, str]] = []
        for number, template in enumerate(templates):
            if not template.text.startswith(signature):
                mistakes.append(((number, "text"), template.text, f"to begin with the signature {signature}"))
            name, ending = endings[template.channel]
            if template.class_ == "marketing" and ending is None:
                mistakes.append(((number, "channel"), template.channel, f"a {name} beside the templates"))
            elif template.class_ == "marketing" and not template.text.endswith(ending):
                mistakes.append(((number, "text"), template.text, f"to end with the {name} {ending}"))
        codes = _repeated([template.code for template in templates])
        _refuse([*mistakes, *(((number, "code"), code, "each template code once") for number, code in codes)])
        return templates


class _Phases(_Section):
    warm_up_days: Days
    follow_up_days: Days


class _Team(_Section):
    team: Annotated[str, _one_of(*TEAMS)]
    responsible: Text
    duties: Annotated[list[Text], MinLen(1)]


_Halls = Annotated[
    str | list[str] | None,
    _Kind(
        "all (each designated hall), a list of hall codes, or nothing (in total)",
        lambda value: (
            value is None
            or value == "all"
            or (
                isinstance(value, list)
                and len(value) > 0
                and len(set(map(str, value))) == len(value)
                and all(isinstance(each, str) and re.fullmatch(r"[^|/\s]+", each) for each in value)
            )
        ),
    ),
]
_Subject = Annotated[str, _text(r"[^|/\s]+", "a code without spaces, '/' or '|', in quotes where it is a number")]


class _TrainingNeed(_Section):
    team: Annotated[str, _one_of(*TEAMS)]
    course: _Subject
    staff: Count
    share_bp: BasisPoints = 0
    halls: _Halls = None


class _SystemTestNeed(_Section):
    team: Annotated[str, _one_of(*TEAMS)]
    system: _Subject
    kinds: Annotated[list[Annotated[str, _one_of("FUNCTION", "PERFORMANCE", "COMPATIBILITY")]], MinLen(1)]


class _StockNeed(_Section):
    team: Annotated[str, _one_of(*TEAMS)]
    item: _Subject
    kind: Annotated[str, _one_of("GIFT", "MATERIAL")]
    quantity: Count
    halls: _Halls = None


class _Readiness(_Section):
    teams: Annotated[list[_Team], MinLen(1)]
    trainings: list[_TrainingNeed] = []
    system_tests: list[_SystemTestNeed] = []
    stock: list[_StockNeed] = []

    @field_validator("teams")
    @classmethod
    def each_team_once(cls, teams: list[_Team]) -> list[_Team]:
        names = [team.team for team in teams]
        mistakes: list[tuple[YamlPath, object, str]] = [
            ((number, "team"), name, "each team once") for number, name in _repeated(names)
        ]
        missing = [team for team in TEAMS if team not in names]
        if missing:
            mistakes.append(((), names, f"each of the teams {', '.join(TEAMS)}: {', '.join(missing)} is missing"))
        _refuse(mistakes)
        return teams

    @model_validator(mode="after")
    def lines_once(self) -> Self:
        mistakes: list[tuple[YamlPath, object, str]] = []
        for number, course in _repeated([need.course for need in self.trainings]):
            mistakes.append((("trainings", number, "course"), course, "each course once"))
        for number, item in _repeated([need.item for need in self.stock]):
            mistakes.append((("stock", number, "item"), item, "each item once"))
        tested: set[tuple[str, str]] = set()
        for number, need in enumerate(self.system_tests):
            for place, kind in enumerate(need.kinds):
                if (need.system, kind) in tested:
                    mistakes.append((("system_tests", number, "kinds", place), kind, "each test of a system once"))
                tested.add((need.system, kind))
        if not (self.trainings or self.system_tests or self.stock):
            mistakes.append(((), "", "at least one line in trainings, system_tests or stock"))
        _refuse(mistakes)
        return self


class _Service(_Section):
    answer_hours: Count


class _Activity(_Section):
    code: Annotated[str, _text(r"[A-Za-z0-9-]{1,20}", "1 to 20 letters, digits and -")]
    channel: Annotated[str, _one_of("app_page", "social", "offline")]
    name: Text
    from_: Date = Field(alias="from")
    to: Date
    platform: Code | None = None
    topic: Text | None = None
    partner: Text | None = None
    places: list[Text] = []
    planned_cost_fen: Fen

    @model_validator(mode="after")
    def fields_agree(self) -> Self:
        mistakes: list[tuple[YamlPath, object, str]] = []
        if self.to < self.from_:
            mistakes.append((("to",), self.to, f"a date not before from, {self.from_}"))
        if self.channel == "social" and self.platform is None:
            mistakes.append(
                (("platform",), self.platform, "a platform of the social feed, where the channel is social")
            )
        if self.channel != "social" and self.topic is not None:
            mistakes.append((("topic",), self.topic, "a topic only where the channel is social"))
        if self.channel != "offline" and (self.partner is not None or self.places):
            name = "partner" if self.partner is not None else "places"
            mistakes.append(((name,), self.partner or "", f"{name} only where the channel is offline"))
        if self.channel == "offline" and not self.places:
            mistakes.append((("places",), "", "at least one place, where the channel is offline"))
        _refuse(mistakes)
        return self


class _Publicity(_Section):
    activities: Annotated[list[_Activity], MinLen(1)]

    @field_validator("activities")
    @classmethod
    def codes_once(cls, activities: list[_Activity]) -> list[_Activity]:
        codes = [activity.code for activity in activities]
        _refuse(((number, "code"), code, "each activity's code once") for number, code in _repeated(codes))
        return activities


class _Recognition(_Section):
    min_cases: Count


class _Terms(_Section):
    intake: _Intake
    watch: _Watch | None = None
    eligibility: _Eligibility
    data_gift: _DataGift | None = None
    recharge: _Recharge | None = None
    messages: _Messages
    phases: _Phases | None = None
    readiness: _Readiness | None = None
    service: _Service | None = None
    publicity: _Publicity | None = None
    recognition: _Recognition | None = None


class _VersionHead(_Section):
    """The date of a version; what it changes is judged merged with the versions before it, as `_Terms`."""

    model_config = ConfigDict(extra="allow")

    effective_from: Date


class _ControlGroup(_Section):
    share_bp: BasisPoints
    salt: Text


class _BudgetEntry(_Section):
    line: Annotated[str, _one_of(*BUDGET_LINES)]
    month: Month
    plan_fen: Fen


class _CampaignFile(_Section):
    campaign: Annotated[
        str, _text("[a-z0-9]{1,20}", "1 to 20 lower-case letters and digits, in quotes where all are digits")
    ]
    name: Text
    carrier: Name
    starts_on: Date
    ends_on: Date
    priority: Annotated[int, _whole(0, 1_000_000)]
    control_group: _ControlGroup
    terms: Annotated[list[_VersionHead], MinLen(1)]
    budget: list[_BudgetEntry]

    @field_validator("carrier")
    @classmethod
    def carrier_known(cls, carrier: str, info: ValidationInfo) -> str:
        campaign_file: Any = info.context
        if not _carrier_file(campaign_file, carrier).is_file():
            raise _refusal(f"the name of a carrier profile; there is no carriers/{carrier}.yml")
        return carrier

    @field_validator("ends_on")
    @classmethod
    def ends_after_start(cls, ends_on: str, info: ValidationInfo) -> str:
        starts_on = info.data.get("starts_on", "")
        if ends_on < starts_on:
            raise _refusal(f"a date not before starts_on, {starts_on}")
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
        _refuse(mistakes)
        return versions

    @field_validator("budget")
    @classmethod
    def months_once(cls, budget: list[_BudgetEntry]) -> list[_BudgetEntry]:
        repeated = _repeated([(entry.line, entry.month) for entry in budget])
        _refuse(
            ((number, "month"), budget[number].month, f"each month of line {budget[number].line} once")
            for number, _ in repeated
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
        terms, mistakes = _judge(_Terms, merged, path)
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
    )


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


_Form = TypeVar("_Form", bound=_Section)


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


def _expected(form: type[_Section], error: ErrorDetails) -> str:
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
            return "a mapping with " + ", ".join(_section_at(form, error["loc"]).named_fields())


def _described(info: FieldInfo) -> str:
    for kind in info.metadata:
        if isinstance(kind, _Kind):
            return kind.expected
    section = _section_of(info.annotation)
    return (
        "a mapping with " + ", ".join(section.named_fields())
        if section and get_origin(info.annotation) is not list
        else "a list"
    )


def _section_at(form: type[_Section], path: Sequence[str | int]) -> type[_Section]:
    for step in path:
        if isinstance(step, str):
            form = _section_of(form.named_fields()[step].annotation) or form
    return form


def _section_of(annotation: object) -> type[_Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, _Section):
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
