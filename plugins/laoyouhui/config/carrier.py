"""A carrier's profile: how its files are named, spelled and checked, as declared in `carriers/<carrier>.yml`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from laoyouhui.config.errors import ConfigError
from laoyouhui.config.located_yaml import YamlPath, load, spell

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Delimiter = Annotated[str, Field(pattern=r"^[|,;^~\t]$")]
Suffix = Annotated[str, Field(pattern=r"^\.[a-z0-9]{1,8}$")]
ColumnType = Literal["id", "text", "code", "date", "timestamp", "int", "fen", "yuan"]
Outcome = Literal["ACCEPTED", "REFUSED", "RETRY"]

NUMBERS = frozenset({"int", "fen", "yuan"})
_TABLE_OF_OURS = re.compile(  # in the warehouse's schema raw, where each feed has a table
    "run|current_run|delivery|set_aside_row|waiting|answer(_row|_code)?|campaign(_terms|_budget)?"
    "|interface|feed(_column)?|arrival|release_check|step|alert|watched|dbt_project"
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _spelled(codes: object) -> object:
    return {code: code for code in codes} if isinstance(codes, list) else codes


class Usual(_Frozen):
    """Where the amounts of a right file lie: at least `share_bp` of those that are not 0, without their sign."""

    min: int
    max: int
    share_bp: Annotated[int, Field(ge=1, le=10_000)]


class Column(_Frozen):
    """A column of a file. `codes` maps the carrier's word to ours.

    `min`, `max` and those of `usual` are in fen, of type yuan in whole yuan; `usual` tells a file in another unit.
    What a `secret` column holds is kept in the schema `vault` alone; everywhere else a reference stands for it.
    """

    name: Name
    type: ColumnType
    required: bool = False
    codes: Annotated[dict[str, str], BeforeValidator(_spelled)] = Field(default_factory=dict)
    min: int | None = None
    max: int | None = None
    usual: Usual | None = None
    secret: bool = False
    length: Annotated[int, Field(ge=1, le=4000)] | None = None
    title: str | None = None

    @property
    def unit(self) -> str | None:
        """'fen' or 'yuan' for money, else None."""
        return self.type if self.type in {"fen", "yuan"} else None

    @property
    def heading(self) -> str:
        """What a header line calls the column: its `title`, else its name."""
        return self.title or self.name


class FileForm(_Frozen):
    """The form of every data file. `suffix` is that of a plain file; a gzipped one has `.gz` after it."""

    encoding: Literal["gb18030", "gbk", "utf-8"]
    delimiter: Delimiter
    header: bool
    suffix: Suffix


class CheckForm(_Frozen):
    """The form of a check file: one ASCII line of `fields`."""

    suffix: Suffix
    delimiter: Delimiter
    fields: tuple[Literal["file", "bytes", "rows", "sha256", "control_total"], ...]


class _File(_Frozen):
    file_pattern: str
    control: str | None = None
    columns: Annotated[tuple[Column, ...], Field(min_length=1)]

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

    Of a `daily` feed a file is due for every date, where the campaign's terms have the section that it `serves`.
    """

    kind: Literal["snapshot", "events"]
    daily: bool = False
    serves: Name | None = None
    key: Annotated[tuple[str, ...], Field(min_length=1)]


class Interface(_File):
    """A file to the carrier; its name is its key in `Carrier.interfaces`, its folder `out/<name>`.

    Its rows stand in the order of subscribers; of one subscriber in that of the column `order`, where one is named.
    """

    max_rows: Annotated[int, Field(ge=1)]
    order: str | None = None


class Carrier(_Frozen):
    """A carrier's profile, frozen. `answer_codes` says what each code of a refused row means."""

    carrier: Name
    name: str
    files: FileForm
    check_file: CheckForm
    feeds: Annotated[dict[Name, Feed], Field(min_length=1)]
    interfaces: dict[Name, Interface]
    answer_codes: dict[str, Outcome]


Line = Callable[[YamlPath, str], str]


def load_carrier(path: Path) -> Carrier:
    """Read and check a carrier profile.

    Raises ConfigError with one line for each mistake: `file:line: field: value 'x': expected ...`.
    """
    return read_carrier(path)[0]


def read_carrier(path: Path) -> tuple[Carrier, Line]:
    """As `load_carrier`, with what words a further mistake as one line: (path of the field, what was expected)."""
    data, locate = load(path)

    def line(at: YamlPath, expected: str) -> str:
        value = data
        for step in at:
            known = isinstance(value, list) or (isinstance(value, dict) and step in value)
            value = value[step] if known else {}
        shown = "" if isinstance(value, dict | list) else f" value {value!r}:"
        return f"{path}:{locate(at)}: {spell(at) or 'the file'}:{shown} expected {expected}"

    try:
        carrier = Carrier.model_validate(data)
    except ValidationError as error:
        found = [line(*_said(problem["loc"], problem["type"], problem["msg"])) for problem in error.errors()]
        raise ConfigError("\n".join(dict.fromkeys(found))) from None
    mistakes = [line(at, expected) for at, expected in _mistakes(carrier)]
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return carrier, line


def _said(at: YamlPath, kind: str, message: str) -> tuple[YamlPath, str]:
    if at[-1:] == ("[key]",):  # pydantic's word for a mistake in a mapping's key
        at = at[:-1]
    expected = {"missing": "to be given", "extra_forbidden": "no field of this name"}.get(kind)
    return at, expected or re.sub(r"^.*? should (be|have|match) ", "", message)


def _mistakes(carrier: Carrier) -> Iterator[tuple[YamlPath, str]]:
    """What the shape alone does not say: (path of the field, what was expected)."""
    controlled = any(feed.control for feed in [*carrier.feeds.values(), *carrier.interfaces.values()])
    needed = {"file", "bytes", "rows", "sha256"} | ({"control_total"} if controlled else set())
    fields = carrier.check_file.fields
    if len(fields) != len(set(fields)) or not needed <= set(fields):
        yield ("check_file", "fields"), f"each once: {', '.join(sorted(needed))}"
    for name, feed in carrier.feeds.items():
        at: YamlPath = ("feeds", name)
        if _TABLE_OF_OURS.fullmatch(name):
            yield at, "another name: the warehouse's schema raw has a table of its own of this name"
        yield from _file_mistakes(at, feed, {"feed", "date", "seq"}, carrier.files.delimiter)
        required = {column.name for column in feed.columns if column.required}
        for number, key in enumerate(feed.key):
            if key not in required:
                yield (*at, "key", number), "a required column of this feed"
    for name, interface in carrier.interfaces.items():
        places = {"interface", "campaign", "date", "seq"}
        yield from _file_mistakes(("interfaces", name), interface, places, carrier.files.delimiter)
        if interface.order not in {None, *(column.name for column in interface.columns)}:
            yield ("interfaces", name, "order"), "a column of this file"


def _file_mistakes(at: YamlPath, file: _File, places: set[str], delimiter: str) -> Iterator[tuple[YamlPath, str]]:
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
        if names[column.name] > 1 or column.name in {"delivery_no", "line_no"}:
            yield (*here, "name"), "a name of its own among the columns, not delivery_no or line_no"
        if column.name in {f"{secret}_length" for secret in file.secrets}:
            yield (*here, "name"), "another name: the warehouse keeps the secret's length under it"
        if column.secret and not (
            isinstance(file, Feed) and file.kind == "events" and column.type == "id" and column.required
        ):
            yield (*here, "secret"), "to stand at a required id of an events feed alone"
        yield from _column_mistakes(here, column, delimiter)


def _column_mistakes(here: YamlPath, column: Column, delimiter: str) -> Iterator[tuple[YamlPath, str]]:
    if (column.type == "code") != bool(column.codes):
        yield (*here, "codes"), "the words of a code, and of nothing but a code"
    if any(not word or delimiter in word or not word.isprintable() for word in column.codes):
        yield (*here, "codes"), f"printable words without {delimiter!r}"
    if column.type not in NUMBERS and (column.min, column.max) != (None, None):
        yield here, "min and max at int, fen and yuan alone"
    if column.min is not None and column.max is not None and column.min > column.max:
        yield (*here, "min"), f"no more than max, {column.max}"
    if column.usual and (column.unit is None or not 0 < column.usual.min <= column.usual.max):
        yield (*here, "usual"), "to stand at fen and yuan alone, with 0 < min <= max"
    if column.type not in {"id", "text"} and column.length is not None:
        yield (*here, "length"), "to stand at id and text alone"
