"""A relation that several benefits feed names each model that it unites; the folder of those models says the same."""

from __future__ import annotations

import re
from pathlib import Path

MODELS = Path(__file__).parents[3] / "dbt_project" / "models"
_LIST = re.compile(r"\{% (?:for \w+ in|set \w+_of_benefits =) \[(?P<names>[^\]]*)\] -?%\}")
_NAME = re.compile(r"^ +\(?'(\w+)'", re.MULTILINE)

UNITED_BY = {
    "exports/credit_rows": "exports/export_credit",
    "exports/data_grant_rows": "exports/export_data_grant",
    "intermediate/message/notices": "intermediate/message/int_message__notices",
    "ledger/reservations": "ledger/budget_waits",
    "ledger/entries": "ledger/ledger_entries",
    "ledger/reasons": "ledger/reasons",
    "marts/operations/exception_rows": "marts/operations/exceptions",
    "marts/operations/helped_rows": "marts/operations/recognition",
    "watch/alert_rows": "watch/alerts",
}


def named_by(union: Path, folder: Path) -> list[str]:
    """The models that a union names, with those that one of them unites in its turn."""
    found = _LIST.search(union.read_text("utf-8"))
    assert found, f"{union.name}: expected a list of the models that it unites"
    names = _NAME.findall(found["names"])
    assert names == sorted(names), f"{union.name}: expected the names in order"
    inner = [folder / f"{name}.sql" for name in names if _LIST.search((folder / f"{name}.sql").read_text("utf-8"))]
    return names + [name for path in inner for name in named_by(path, folder)]


def test_each_union_names_the_models_of_its_folder() -> None:
    for folder, union in UNITED_BY.items():
        named = named_by(MODELS / f"{union}.sql", MODELS / folder)
        assert sorted(named) == sorted(path.stem for path in (MODELS / folder).glob("*.sql"))


def test_each_rule_with_slots_contends() -> None:
    """A benefit whose rule names slots would be refused nothing for LIMIT where no list names it (docs/adr/0017)."""
    found = _LIST.search((MODELS / "ledger" / "request" / "request_contenders.sql").read_text("utf-8"))
    assert found
    rules = [path for path in MODELS.rglob("*_rule.sql") if "as slots" in path.read_text("utf-8")]
    assert len(rules) >= 3
    assert re.findall(r"'(\w+)'", found["names"]) == sorted(path.stem for path in rules)


def feeds_of_requests() -> dict[str, str]:
    """Each feed of requests with the section of the terms that it asks something of."""
    rows = (MODELS / "intermediate" / "request" / "int_request__rows.sql").read_text("utf-8")
    feeds = dict(re.findall(r"'(\w+)': \{\s*'benefit': '(\w+)'", rows))
    assert len(feeds) >= 5
    return feeds


def test_each_request_that_is_decided_is_read_as_decided() -> None:
    """What no later run can see as decided would be decided each day."""
    decided = (MODELS / "staging" / "decided" / "stg_decided__requests.sql").read_text("utf-8")
    assert dict(re.findall(r"'feed': '(\w+)', 'benefit': '(\w+)'", decided)) == feeds_of_requests()


def test_each_request_that_is_decided_is_explained() -> None:
    """Where its reasons name another feed, nobody is told until when it was honoured, nor that it was withdrawn."""
    texts = [path.read_text("utf-8") for path in (MODELS / "ledger" / "reasons").glob("*.sql")]
    named = re.compile(r"^    '(\w+)' as feed,\n    '(\w+)' as benefit,$", re.MULTILINE)
    told = [found for text in texts for found in named.findall(text)]
    assert dict(told) == feeds_of_requests()


def test_each_reservation_is_of_the_benefit_that_the_list_says() -> None:
    """A reservation that waits under another name is not withdrawn when its request is undone."""
    waits = (MODELS / "ledger" / "budget_waits.sql").read_text("utf-8")
    listed = dict(re.findall(r"^    \('(\w+)', '(\w+)', (?:none|'\w+')\),$", waits, re.MULTILINE))
    texts = {path.stem: path.read_text("utf-8") for path in (MODELS / "ledger" / "reservations").glob("*.sql")}
    assert listed == {name: re.findall(r"'(\w+)' as benefit", text)[0] for name, text in texts.items()}
    feeds = re.findall(r"^    \('\w+', '\w+', '(\w+)'\),$", waits, re.MULTILINE)
    assert len(feeds) >= 4
    assert set(feeds) <= feeds_of_requests().keys()


def test_each_staging_model_is_called_by_its_folder() -> None:
    """What comes of one feed stands in one folder, by whose name it is found."""
    strays = [
        path for path in (MODELS / "staging").rglob("*.sql") if not path.stem.startswith(f"stg_{path.parent.name}__")
    ]
    assert strays == []


def test_no_folder_of_united_models_is_missing_here() -> None:
    """What is ephemeral is written into the text of another model, which has to name it."""
    united = {path.parent for path in MODELS.rglob("*.sql") if path.parent.name.endswith(("_rows", "notices"))}
    united |= {MODELS / "ledger" / name for name in ("reservations", "entries", "reasons")}
    assert {path.relative_to(MODELS).as_posix() for path in united} == set(UNITED_BY)
