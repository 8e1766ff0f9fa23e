"""Whether the carrier's profile and the warehouse agree, so that no date fails long after the profile was written.

The profile's files must be those that the dbt project reads and fills. What it reads is declared beside its sources
(`config.meta` of `models/staging/sources.yml`), what it fills in the contracts of `models/exports/`, and which codes
may leave in the gate's suites.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from laoyouhui.config.agreement import unfit_text
from laoyouhui.config.carrier import Carrier, Column, Feed, FileForm
from laoyouhui.config.kinds import only_shown
from laoyouhui.config.located_yaml import YamlPath, load
from laoyouhui.config.terms import sections

_Mistakes = Iterator[tuple[YamlPath, str]]

_READ_AS = {  # how a feed's column is read -> the profile's types that fit
    "id": {"id", "phone", "code"},
    "text": {"id", "phone", "code", "text"},
    "date": {"date"},
    "timestamp": {"timestamp"},
    "int": {"int"},
    "money": {"fen", "yuan"},
}
_SPELLED_AS = {  # a contract's type -> the profile's types that can write it
    "text": {"id", "phone", "code", "text"},
    "integer": {"int"},
    "bigint": {"int", "fen", "yuan"},
    "date": {"date"},
    "timestamp without time zone": {"timestamp"},
}
# of every export relation: what stays in the house, since the answer to the row will settle it
_OURS = {
    "campaign_id",
    "item_key",
    "answer_key",
    "benefit",
    "budget_line",
    "committed_fen",
    "liability_fen",
    "missing_columns",
    "resend_of",
}
_KEY = "0" * 32
_LEAVES_AS = {  # a column of the feeds -> the interfaces' columns in which its values leave
    "subscriber.subscriber_id": "subscriber_id",
    "subscriber.msisdn": "msisdn",
    "recharge.recharge_id": "source_recharge_id",
    "device_order.order_id": "source_recharge_id, order_id",
    "device_order.subscriber_id": "subscriber_id",
    "family_request.family_msisdn": "family_msisdn",
}
_OUR_WORDS = {"reason": ("OWNER_CHANGED",)}  # the longest of what no suite lists
_COUNTED = "amount"  # what books and limits count of a row, where it has it


def carrier_mistakes(carrier: Carrier, home: Path) -> _Mistakes:
    """Where the profile is not what the dbt project in `home` reads and fills: (path in the profile, the expected)."""
    known = sections()
    for name, feed in carrier.feeds.items():
        if feed.serves is not None and feed.serves not in known:
            yield ("feeds", name, "serves"), "a section of a campaign's terms: " + ", ".join(known)
    for name, said in _sources(home).items():
        if name in carrier.feeds:
            yield from _feed_mistakes(("feeds", name), carrier.feeds[name], said)
        else:
            yield ("feeds",), f"the feed {name}, which the warehouse reads"
    words = _known_words(home)
    for name, contract in _contracts(home).items():
        if name in carrier.interfaces:
            yield from _interface_mistakes(carrier, name, contract, words.get(name, {}))
            yield from _room_mistakes(carrier, name, words.get(name, {}))
        else:
            yield ("interfaces",), f"the interface {name}, without which what the warehouse decides never leaves"
    yield from _title_mistakes(carrier)


def _feed_mistakes(at: YamlPath, feed: Feed, said: Mapping[str, Any]) -> _Mistakes:
    if feed.kind != said["kind"]:
        yield (*at, "kind"), f"{said['kind']}, as the warehouse reads it"
    if list(feed.key) != said["key"]:
        yield (*at, "key"), f"[{', '.join(said['key'])}], by which the warehouse tells rows apart"
    for place, column in enumerate(feed.columns):
        if column.name in said["needs"] and not column.required:
            yield (*at, "columns", place, "required"), "true: the warehouse decides nothing without it"
    places = {column.name: place for place, column in enumerate(feed.columns)}
    kept = {f"{name}_length": name for name in places}  # which the warehouse has of a secret
    for name, read_as in said["reads"].items():
        if name in places:
            yield from _read_mistakes((*at, "columns", places[name]), feed.columns[places[name]], read_as)
        elif kept.get(name) in feed.secrets:
            continue
        elif name in kept:
            yield (*at, "columns", places[kept[name]], "secret"), "true: only the vault may keep its values"
        elif not name.endswith("_length"):
            yield (*at, "columns"), f"a column {name}, which the warehouse reads"


def _read_mistakes(here: YamlPath, column: Column, read_as: str | list[str]) -> _Mistakes:
    if isinstance(read_as, str):
        if column.type not in _READ_AS[read_as]:
            yield (*here, "type"), " or ".join(sorted(_READ_AS[read_as])) + ", as the warehouse reads it"
    elif column.type != "code":
        yield (*here, "type"), "code, with " + ", ".join(read_as)
    elif not {read_as[0]} <= set(column.codes.values()) <= set(read_as):
        yield (*here, "codes"), f"words of the warehouse, {', '.join(read_as)}, {read_as[0]} among them"


def _interface_mistakes(
    carrier: Carrier, name: str, contract: Sequence[Mapping[str, Any]], words: Mapping[str, Sequence[str]]
) -> _Mistakes:
    interface = carrier.interfaces[name]
    at: YamlPath = ("interfaces", name, "columns")
    types = {column["name"]: column["data_type"] for column in contract if column["name"] not in _OURS}
    meta = {column["name"]: column.get("config", {}).get("meta", {}) for column in contract}
    stays = {name for name, said in meta.items() if said.get("stays")}
    for place, column in enumerate(interface.columns):
        here = (*at, place)
        if column.name not in types:
            yield (*here, "name"), f"a column of exports.export_{name}: {', '.join(types)}"
        elif column.type not in _SPELLED_AS[types[column.name]]:
            yield (*here, "type"), " or ".join(sorted(_SPELLED_AS[types[column.name]])) + f" of {types[column.name]}"
        elif column.type == "code":
            missing = [word for word in words.get(column.name, ()) if word not in column.codes.values()]
            if column.name not in words:
                yield (*here, "type"), "id or text: which words stand here is no list"
            elif missing:
                yield (*here, "codes"), f"a word for each of {', '.join(words[column.name])}"
        elif column.name.endswith("_key") and (column.most_characters or 0) < len(_KEY):
            yield (*here, "length"), f"at least {len(_KEY)}, which a key has"
        if column.required and meta.get(column.name, {}).get("may_be_empty"):
            yield (*here, "required"), "false: rows that leave may have nothing here"
    there = {column.name for column in interface.columns}
    for missed in types.keys() - there - stays:
        yield at, f"a column {missed}, which the warehouse fills"


def _room_mistakes(carrier: Carrier, name: str, words: Mapping[str, Sequence[str]]) -> _Mistakes:
    """Incoming values and our own codes must fit the column in which they leave; one column counts the money."""
    counted = next((column.name for column in carrier.interfaces[name].columns if column.name == _COUNTED), None)
    if carrier.interfaces[name].control != counted:
        yield ("interfaces", name, "control"), f"{counted or 'none'}: books and limits count by it"
    for place, column in enumerate(carrier.interfaces[name].columns):
        here: YamlPath = ("interfaces", name, "columns", place)
        if column.type not in {"id", "text"}:
            continue
        for word in (*words.get(column.name, ()), *_OUR_WORDS.get(column.name, ())):
            expected = unfit_text(column, carrier.files, word)
            if expected:
                yield here, f"a column that can hold {word}: {expected}"
                break
        for source, leaves_as in _LEAVES_AS.items():
            feed, _, field = source.partition(".")
            columns = carrier.feeds[feed].columns if feed in carrier.feeds else ()
            came = next((each for each in columns if each.name == field), None)
            needed = _longest(came, carrier.files) if came else 0
            if column.name in leaves_as.split(", ") and (column.most_characters or 0) < needed:
                yield (*here, "length"), f"at least {needed}, as feeds.{source}, which leaves here"


def _longest(column: Column, form: FileForm) -> int:
    return max(map(len, form.phone.numbers)) if column.type == "phone" else column.most_characters or 0


def _title_mistakes(carrier: Carrier) -> _Mistakes:
    """A header is written as the rows are."""
    for kind, files in (("feeds", carrier.feeds), ("interfaces", carrier.interfaces)):
        for name, file in files.items():
            for place, column in enumerate(file.columns):
                expected = column.title and (
                    only_shown(column.title)
                    or unfit_text(Column(name=column.name, type="text"), carrier.files, column.title)
                )
                if expected:
                    yield (kind, name, "columns", place, "title"), expected


@cache
def _read(path: Path) -> Any:  # noqa: ANN401 (YAML values)
    return load(path)[0]


def _sources(home: Path) -> dict[str, dict[str, Any]]:
    """What the project declares of each feed that it reads: its kind, its columns and how it reads them."""
    sources = _read(home / "dbt_project" / "models" / "staging" / "sources.yml")["sources"]
    tables = [table for source in sources if source["name"] == "raw" for table in source["tables"]]
    said = {table["name"]: table.get("config", {}).get("meta", {}) for table in tables}
    return {name: meta for name, meta in said.items() if "reads" in meta}


def _contracts(home: Path) -> dict[str, Sequence[Mapping[str, Any]]]:
    """By interface: the columns of its export relation."""
    files = sorted((home / "dbt_project" / "models" / "exports").glob("export_*.yml"))
    return {path.stem.removeprefix("export_"): _read(path)["models"][0]["columns"] for path in files}


def _known_words(home: Path) -> dict[str, dict[str, Sequence[str]]]:
    """By interface and column: the codes that the gate lets leave."""
    words: dict[str, dict[str, Sequence[str]]] = {}
    for path in sorted((home / "expectations").glob("export_*.yml")):
        suite = _read(path)
        for each in suite["expectations"]:
            if each["type"] == "expect_column_values_to_be_in_set":
                words.setdefault(suite.get("interface", ""), {})[each["kwargs"]["column"]] = each["kwargs"]["value_set"]
    return words
