"""A carrier profile: how the carrier's files are named, written and checked, as declared in
`carriers/<carrier>.yml`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from laoyouhui.config.errors import ConfigError
from laoyouhui.config.located_yaml import YamlPath, load, spell
from laoyouhui.config.values import may_be_in_ids

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Delimiter = Annotated[str, Field(pattern=r"^[|,;^~\t]$")]
Suffix = Annotated[str, Field(pattern=r"^\.[a-z0-9]{1,8}$")]
AnswerCode = Annotated[str, Field(pattern=r"^[!-{}~]{1,200}$")]
ColumnType = Literal["id", "phone", "text", "code", "date", "timestamp", "int", "fen", "yuan"]
Outcome = Literal["ACCEPTED", "REFUSED", "RETRY"]

NUMBERS = frozenset({"int", "fen", "yuan"})
TIMES = frozenset({"date", "timestamp"})
FILE_DATE = "file_date"  # in a limit: the day that the file closes
YEARS = (1900, 2199)  # of a date, where the profile says nothing
ANY_NUMBER = 10**12  # in the smallest unit: the sum of millions of them is a bigint
MOST_COLUMNS = 200  # of a file; a table has room for some hundreds
LONGEST_ID = 200  # characters: an answer names rows by them, and an index of the warehouse holds them whole
_LENGTHS = {"id": 64, "text": 200}  # characters, where the profile says nothing
RELATION_OF_OURS = re.compile(  # in the warehouse's schema raw, where each feed has a table, and an index of its name
    "run|current_run|delivery|quarantined_row|waiting|answer(_row|_code)?|campaign(_terms|_budget|_file|_change)?"
    "|interface|feed(_column)?|arrival|release_check|step|alert(_open)?|watched|dbt_project|manual_override|withdrawal"
    "|pending_override|budget_spent|prepared|saved_privilege|mart|journal_entry|alembic_version(_pkc)?"
    "|delivery_feed_file_name|(release_check|step)_business_date|.*_(pkey|delivery_no)"
)
_COLUMN_OF_OURS = re.compile("delivery_no|line_no|tableoid|[cx]m(in|ax)|ctid")  # the last are PostgreSQL's own


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _spelled(codes: object) -> object:
    return {code: code for code in codes} if isinstance(codes, list) else codes


class Usual(_Frozen):
    """Where the amounts of a right file lie: at least `share_bp` of those that are not 0, without their sign."""

    min: int
    max: int
    share_bp: Annotated[int, Field(ge=1, le=10_000)]


class Limit(_Frozen):
    """A further condition on a column, in all rows or in those `where` other columns have these codes (ours).

    `min` and `max` are as the column's; `max` may be another column of its type or, of money, in another unit; or
    FILE_DATE of a date or timestamp.
    """

    where: dict[Name, str] = Field(default_factory=dict)
    min: int | None = None
    max: int | Name | None = None


class Column(_Frozen):
    """A column of a file. `codes` maps the carrier's word to ours.

    `min`, `max` and those of `usual` are in fen, of type yuan in whole yuan, of dates and timestamps years; `usual`
    detects a file in another unit. The values of a `secret` column are kept only in the schema `vault`; everywhere else
    there is a reference.
    """

    name: Name
    type: ColumnType
    required: bool = False
    codes: Annotated[dict[str, str], BeforeValidator(_spelled)] = Field(default_factory=dict)
    min: int | None = None
    max: int | None = None
    usual: Usual | None = None
    limits: tuple[Limit, ...] | None = None
    secret: bool = False
    length: Annotated[int, Field(ge=1, le=4000)] | None = None
    title: str | None = None

    @property
    def range(self) -> tuple[int, int]:
        """The least and the greatest value: numbers in the smallest unit, years for dates and timestamps."""
        least, most = YEARS if self.type in TIMES else (-ANY_NUMBER, ANY_NUMBER)
        unit = 100 if self.type == "yuan" else 1
        return least if self.min is None else self.min * unit, most if self.max is None else self.max * unit

    @property
    def unit(self) -> str | None:
        """'fen' or 'yuan' for money, else None."""
        return self.type if self.type in {"fen", "yuan"} else None

    @property
    def most_characters(self) -> int | None:
        """The most characters of an id or a text; None where the type says it."""
        return self.length or _LENGTHS.get(self.type)

    @property
    def heading(self) -> str:
        """What a header line calls the column: its `title`, else its name."""
        return self.title or self.name


class Phone(_Frozen):
    """How phone numbers are written: in one of these forms (x: any digit), perhaps with a prefix that is removed."""

    numbers: Annotated[tuple[Annotated[str, Field(pattern="^[0-9x]{5,20}$")], ...], Field(min_length=1)] = (
        "1xxxxxxxxxx",
    )
    prefixes: tuple[Annotated[str, Field(pattern=r"^\+?[0-9]{1,6}$")], ...] = ()


class FileForm(_Frozen):
    """The form of every data file. `suffix` is that of a plain file; a gzipped one has `.gz` after it.

    An id holds letters, digits and `id_characters`. `nulls` are the carrier's null markers, in any column.
    """

    encoding: Literal["gb18030", "gbk", "utf-8"]
    delimiter: Delimiter
    header: bool
    suffix: Suffix
    id_characters: str = "_.:-"
    nulls: tuple[Annotated[str, Field(pattern=r"^[!-~]{1,20}$")], ...] = ()
    phone: Phone = Phone()


class CheckForm(_Frozen):
    """The form of a check file: one ASCII line of `fields`."""

    suffix: Suffix
    delimiter: Delimiter
    fields: tuple[Literal["file", "bytes", "rows", "sha256", "control_total"], ...]


class _File(_Frozen):
    file_pattern: Annotated[str, Field(max_length=100)]
    control: str | None = None
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=MOST_COLUMNS)]

    @property
    def control_column(self) -> Column | None:
        """The column whose sum is the control total."""
        return next((column for column in self.columns if column.name == self.control), None)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the columns that hold secrets."""
        return tuple(column.name for column in self.columns if column.secret)

    @property
    def header(self) -> list[str]:
        """The titles of the columns, in order."""
        return [column.heading for column in self.columns]


class Feed(_File):
    """A feed from the carrier; its name is its key in `Carrier.feeds`, its folder `in/<name>`.

    A `daily` feed has a file due for every date, if the campaign's terms have the section that it `serves`.
    """

    kind: Literal["snapshot", "events"]
    daily: bool = False
    serves: Name | None = None
    key: Annotated[tuple[str, ...], Field(min_length=1)]

    def limits(self, column: Column) -> tuple[Limit, ...]:
        """The limits on a column: as declared, else that no event is later than its file's business date."""
        if column.limits is None and self.kind == "events" and column.type in TIMES:
            return (Limit(max=FILE_DATE),)
        return column.limits or ()


class Interface(_File):
    """A file to the carrier; its name is its key in `Carrier.interfaces`, its folder `out/<name>`.

    Its rows are in the order of subscribers; those of one subscriber by the column `order`, if there is one.
    """

    max_rows: Annotated[int, Field(ge=1, le=1_000_000_000)]
    order: str | None = None


class Carrier(_Frozen):
    """A carrier's profile, frozen. `answer_codes` says what each code of a refused row means."""

    carrier: Name
    name: str
    files: FileForm
    check_file: CheckForm
    feeds: Annotated[dict[Name, Feed], Field(min_length=1)]
    interfaces: dict[Name, Interface]
    answer_codes: dict[AnswerCode, Outcome]


Line = Callable[[YamlPath, str], str]


def load_carrier(path: Path) -> Carrier:
    """Read and check a carrier profile.

    Raises ConfigError with one line for each mistake: `file:line: field: value 'x': expected ...`.
    """
    return read_carrier(path)[0]


def read_carrier(path: Path) -> tuple[Carrier, Line]:
    """As `load_carrier`, with a function that writes a further mistake as one line: (path of the field, what was
    expected).
    """
    data, locate = load(path)

    def line(at: YamlPath, expected: str) -> str:
        value = data
        for step in at:
            known = isinstance(value, list) or (isinstance(value, dict) and step in value)
            value = value[step] if known else {}
        shown = "" if isinstance(value, dict | list) else f" value {value!r}:"
        return f"{path}:{locate(at)}: {spell(at) or 'the file'}:{shown} expected {expected}"

    try:
        carrier = Carrier.model_validate(_with_what_is_unsaid(data))
    except ValidationError as error:
        found = [line(*_said(problem["loc"], problem["type"], problem["msg"])) for problem in error.errors()]
        raise ConfigError("\n".join(dict.fromkeys(found))) from None
    mistakes = [line(at, expected) for at, expected in _mistakes(carrier)]
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return carrier, line


# What older profiles, from before intake became strict, leave out, by feed and column.
_PHONE_NUMBER = re.compile("(?:.*_)?msisdn")
_UNSAID: dict[tuple[str, str], dict[str, object]] = {
    ("recharge", "paid_amount"): {"limits": [{"where": {"kind": "RECHARGE"}, "min": 1, "max": "face_amount"}]},
    ("expense", "budget_line"): {
        "type": "code",
        "codes": ["B1", "B2", "B3", "B4", "B5.1", "B5.2", "B6", "B7", "B8"],
    },
    ("optout", "at"): {"limits": [{"where": {"action": "IN"}, "max": FILE_DATE}]},
    ("card_stock", "received_on"): {"limits": []},  # from when it may be issued
    ("card_stock", "expires_on"): {"limits": []},
    ("stock_movement", "quantity"): {"min": -1_000_000, "max": 1_000_000},
}


def _with_what_is_unsaid(data: Any) -> Any:  # noqa: ANN401 (YAML values)
    """The profile with defaults for what it leaves out; malformed parts stay as they are, to be refused."""
    feeds = data.get("feeds") if isinstance(data, dict) else None
    if not isinstance(feeds, dict):
        return data
    return data | {"feeds": {name: _feed_with_what_is_unsaid(name, feed) for name, feed in feeds.items()}}


def _feed_with_what_is_unsaid(name: str, feed: Any) -> Any:  # noqa: ANN401 (YAML values)
    columns = feed.get("columns") if isinstance(feed, dict) else None
    if not isinstance(columns, list) or not all(isinstance(column, dict) for column in columns):
        return feed
    types = {column.get("name"): column.get("type") for column in columns}
    return feed | {"columns": [_column_with_what_is_unsaid(name, column, types) for column in columns]}


def _column_with_what_is_unsaid(feed: str, column: dict[str, Any], types: dict[Any, Any]) -> dict[str, Any]:
    name = str(column.get("name"))
    unsaid = {"type": "phone"} if _PHONE_NUMBER.fullmatch(name) else _UNSAID.get((feed, name), {})
    if "type" in unsaid:
        was_id = {key: value for key, value in column.items() if key not in {"type", "length"}}
        return was_id | unsaid if column.get("type") == "id" else column
    limits: Any = unsaid.get("limits", [])
    needs = {limit.get("max") for limit in limits} | {code for limit in limits for code in limit.get("where", {})}
    # another carrier's feed may share the name of ours, but not its columns
    return unsaid | column if needs - {None, FILE_DATE} <= types.keys() else column


def _said(at: YamlPath, kind: str, message: str) -> tuple[YamlPath, str]:
    if at[-1:] == ("[key]",):  # pydantic's name for a mistake in a mapping's key
        at = at[:-1]
    expected = {"missing": "to be given", "extra_forbidden": "no field of this name"}.get(kind)
    return at, expected or re.sub(r"^.*? should (be|have|match) ", "", message)


def _mistakes(carrier: Carrier) -> Iterator[tuple[YamlPath, str]]:
    """Mistakes that the schema alone does not catch: (path of the field, what was expected)."""
    yield from _form_mistakes(carrier.files)
    yield from _check_file_mistakes(carrier)
    for name, feed in carrier.feeds.items():
        at: YamlPath = ("feeds", name)
        if RELATION_OF_OURS.fullmatch(name):
            yield at, "another name: the warehouse's schema raw has a table of its own of this name"
        yield from _file_mistakes(at, feed, {"feed", "date", "seq"}, carrier.files)
        required = {column.name: column for column in feed.columns if column.required}
        for number, key in enumerate(feed.key):
            if key not in required:
                yield (*at, "key", number), "a required column of this feed"
            elif (required[key].most_characters or 0) > LONGEST_ID:
                yield (*at, "key", number), f"a column of at most {LONGEST_ID} characters"
    for name, interface in carrier.interfaces.items():
        places = {"interface", "campaign", "date", "seq"}
        yield from _file_mistakes(("interfaces", name), interface, places, carrier.files)
        if interface.order not in {None, *(column.name for column in interface.columns)}:
            yield ("interfaces", name, "order"), "a column of this file"
    yield from _name_mistakes(carrier.interfaces)


def _check_file_mistakes(carrier: Carrier) -> Iterator[tuple[YamlPath, str]]:
    controlled = any(feed.control for feed in [*carrier.feeds.values(), *carrier.interfaces.values()])
    needed = {"file", "bytes", "rows", "sha256"} | ({"control_total"} if controlled else set())
    fields = carrier.check_file.fields
    if len(fields) != len(set(fields)) or not needed <= set(fields):
        yield ("check_file", "fields"), f"each once: {', '.join(sorted(needed))}"
    if carrier.check_file.suffix in {carrier.files.suffix, ".gz"}:
        yield ("check_file", "suffix"), "another ending than that of data files"
    if carrier.files.suffix == ".gz":
        yield ("files", "suffix"), "the ending of a plain file: a gzipped one has .gz after it"


def _name_mistakes(interfaces: dict[str, Interface]) -> Iterator[tuple[YamlPath, str]]:
    """Each outgoing file has a unique name, by which it is known and answered, and which can be parsed in only one
    way.
    """
    known: dict[str, str] = {}
    for name, interface in interfaces.items():
        at: YamlPath = ("interfaces", name, "file_pattern")
        spelled = interface.file_pattern.replace("{interface}", name)
        other = known.setdefault(spelled, name)
        if other != name:
            yield at, f"other names than those of {other}: {{interface}} tells them apart"
        if spelled.startswith(("_", "-")):
            yield at, "to begin with a letter or a digit"
        if "{campaign}{seq}" in spelled or "{seq}{campaign}" in spelled:
            yield at, "_ or - between {campaign} and {seq}"


def _form_mistakes(form: FileForm) -> Iterator[tuple[YamlPath, str]]:
    if not all(may_be_in_ids(character, form.delimiter) for character in form.id_characters):
        yield (
            ("files", "id_characters"),
            f"printable ASCII but for {form.delimiter!r}, '|', braces, quotes, the backslash and the blank",
        )
    for number, null in enumerate(form.nulls):
        if form.delimiter in null or re.fullmatch("[-+.0-9]*[0-9][-+.0-9]*", null):
            yield ("files", "nulls", number), f"no number, and nothing with {form.delimiter!r}"


def _file_mistakes(at: YamlPath, file: _File, places: set[str], form: FileForm) -> Iterator[tuple[YamlPath, str]]:
    found = Counter(re.findall(r"\{([^{}]*)\}", file.file_pattern))
    plain = re.sub(r"\{[^{}]*\}", "", file.file_pattern)
    if (
        not re.fullmatch(r"[A-Za-z0-9_-]*", plain)
        or not {"date", "seq"} <= set(found) <= places
        or max(found.values()) > 1
    ):
        words = ", ".join(f"{{{place}}}" for place in sorted(places))
        yield (*at, "file_pattern"), f"letters, digits, _ and -, with {{date}} and {{seq}} once, out of {words}"
    if file.control is not None and (file.control_column is None or file.control_column.unit is None):
        yield (*at, "control"), "a column of type fen or yuan of this file"
    names = Counter(column.name for column in file.columns)
    for number, column in enumerate(file.columns):
        here = (*at, "columns", number)
        if names[column.name] > 1 or _COLUMN_OF_OURS.fullmatch(column.name):
            yield (*here, "name"), "a name of its own among the columns, none of the warehouse's such as delivery_no"
        if column.name in {f"{secret}_length" for secret in file.secrets}:
            yield (*here, "name"), "another name: the warehouse keeps the secret's length under it"
        if column.secret and not (
            isinstance(file, Feed) and file.kind == "events" and column.type == "id" and column.required
        ):
            yield (*here, "secret"), "to stand at a required id of an events feed alone"
        yield from _column_mistakes(here, column, form)
        yield from _limit_mistakes(here, column, file)


def _limit_mistakes(here: YamlPath, column: Column, file: _File) -> Iterator[tuple[YamlPath, str]]:
    columns = {one.name: one for one in file.columns}
    for number, limit in enumerate(column.limits or ()):
        at = (*here, "limits", number)
        if not isinstance(file, Feed) or column.type not in NUMBERS | TIMES:
            yield at, "to stand at a number, a date or a timestamp of a feed"
        for name, word in limit.where.items():
            if name not in columns or word not in columns[name].codes.values():
                yield (*at, "where", name), "a code column of this feed, and one of our words for its codes"
        if column.type in TIMES and (limit.min is not None or limit.max != FILE_DATE):
            yield at, f"max: {FILE_DATE}, and nothing else, of a date or a timestamp"
        least, most = column.range
        low = least if limit.min is None else limit.min * (100 if column.type == "yuan" else 1)
        high = limit.max * (100 if column.type == "yuan" else 1) if isinstance(limit.max, int) else most
        if column.type in NUMBERS and max(low, least) > min(high, most):
            yield at, "min no more than max, and within those of the column: no row would be good"
        if column.type in NUMBERS and isinstance(limit.max, str):
            other = columns.get(limit.max)
            if other is None or (other.type != column.type and not (other.unit and column.unit)):
                same = "money" if column.unit else f"type {column.type}"
                yield (*at, "max"), f"a number, or another column of {same} of this feed"


def _column_mistakes(here: YamlPath, column: Column, form: FileForm) -> Iterator[tuple[YamlPath, str]]:
    if (column.type == "code") != bool(column.codes):
        yield (*here, "codes"), "the words of a code, and of nothing but a code"
    if not all(_can_be_spelled(word, form) for word in column.codes):
        yield (*here, "codes"), f"printable words of {form.encoding} without {form.delimiter!r}"
    if column.type not in NUMBERS | TIMES and (column.min, column.max) != (None, None):
        yield here, "min and max at int, fen, yuan, dates and timestamps alone"
    least, most = column.range
    if least > most:
        yield (*here, "min"), f"no more than max, {column.max if column.max is not None else most}"
    if column.type in TIMES and not 1 <= least <= most <= 9999:
        yield here, "min and max of a date or a timestamp to be years, from 1 to 9999"
    if column.type in NUMBERS and max(abs(least), abs(most)) > ANY_NUMBER:
        yield here, f"min and max within {ANY_NUMBER // (100 if column.type == 'yuan' else 1)}: sums must be bearable"
    if column.usual and (column.unit is None or not 0 < column.usual.min <= column.usual.max):
        yield (*here, "usual"), "to stand at fen and yuan alone, with 0 < min <= max"
    if column.type not in {"id", "text"} and column.length is not None:
        yield (*here, "length"), "to stand at id and text alone"
    elif column.type == "id" and (column.length or 0) > LONGEST_ID:
        yield (*here, "length"), f"at most {LONGEST_ID} of an id"


def _can_be_spelled(word: str, form: FileForm) -> bool:
    try:
        word.encode(form.encoding)
    except UnicodeEncodeError:
        return False
    return word.isprintable() and word != "" and form.delimiter not in word
