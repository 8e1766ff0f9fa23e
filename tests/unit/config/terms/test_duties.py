"""The sections of duties: what is refused, with which words; the shipped campaign's own stand."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from laoyouhui.config.campaign import load_campaign
from laoyouhui.config.errors import ConfigError

CAMPAIGNS = Path(__file__).parents[4] / "campaigns"
SHIPPED = {"readiness": CAMPAIGNS / "xinchun2026.yml"}  # of the sections; the others stand in lyh2026.yml
TEAM = {"responsible": "周敏", "duties": ["准备"]}
ACTIVITY = {"code": "A1", "name": "活动", "from": "2026-02-01", "to": "2026-02-02", "planned_cost_fen": 1}
WEIBO = ACTIVITY | {"channel": "social", "platform": "WEIBO"}


def judged(folder: Path, section: str, **fields: Any) -> str:
    """What is said of the shipped campaign with some fields of one section replaced, without the file's own name."""
    shipped = SHIPPED.get(section, CAMPAIGNS / "lyh2026.yml")
    campaign = deepcopy(yaml.safe_load(shipped.read_text("utf-8")))
    terms = campaign["terms"][0]
    terms[section] = {**terms[section], **fields}
    file = folder / shipped.name
    file.write_text(yaml.safe_dump(campaign, allow_unicode=True, sort_keys=False), "utf-8")
    try:
        load_campaign(file)
    except ConfigError as error:
        return str(error).replace(f"{file}:", "")
    return "ok"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"teams": []}, "readiness.teams: a list: expected the team marketing, with who is responsible and its duties"),
        (
            {"teams": [{"team": team, **TEAM} for team in ("marketing", "technology", "technology")]},
            "readiness.teams[2].team: value 'technology': expected each team once",
        ),
        (
            {"trainings": [{"team": "sales", "course": "C", "staff": 1}]},
            "readiness.trainings[0].team: value 'sales': expected one of marketing, customer_service, technology",
        ),
        (
            {"trainings": [{"team": "marketing", "course": "A/B", "staff": 1}]},
            "trainings[0].course: value 'A/B': expected a code without spaces, '/' or '|'",
        ),
        (
            {"trainings": 2 * [{"team": "marketing", "course": "C", "staff": 1}]},
            "readiness.trainings[1].course: value 'C': expected each course once",
        ),
        (
            {"trainings": [{"team": "marketing", "course": "C", "staff": 0}]},
            "readiness.trainings[0].staff: value '0': expected a whole number from 1 to 1000000",
        ),
        (
            {"system_tests": 2 * [{"team": "technology", "system": "S", "kinds": ["FUNCTION"]}]},
            "readiness.system_tests[1].kinds[0]: value 'FUNCTION': expected each kind of a system's tests once",
        ),
        (
            {"system_tests": [{"team": "technology", "system": "S", "kinds": ["LOAD"]}]},
            "kinds[0]: value 'LOAD': expected one of FUNCTION, PERFORMANCE, COMPATIBILITY",
        ),
        (
            {"stock": [{"team": "marketing", "item": "I", "kind": "GIFT", "quantity": 1, "halls": "each"}]},
            "readiness.stock[0].halls: value 'each': expected all (each designated hall), a list of halls, or no field",
        ),
        (
            {"stock": [{"team": "marketing", "item": "I", "kind": "GIFT", "quantity": 1, "halls": ["H", "H"]}]},
            "readiness.stock[0].halls[1]: value 'H': expected each hall once",
        ),
        ({"trainings": [], "system_tests": [], "stock": []}, "expected at least one line in trainings, system_tests"),
    ],
)
def test_readiness_refuses(tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    assert said in judged(tmp_path, "readiness", **fields)


@pytest.mark.parametrize(
    ("activities", "said"),
    [
        ([], "publicity.activities: a list: expected at least one entry"),
        ([WEIBO, WEIBO], "publicity.activities[1].code: value 'A1': expected each activity's code once"),
        (
            [WEIBO | {"code": "OTHER"}],
            "activities[0].code: value 'OTHER': expected another code: OTHER are the vouchers",
        ),
        ([WEIBO | {"code": "A 1"}], "activities[0].code: value 'A 1': expected 1 to 20 letters, digits and -"),
        ([WEIBO | {"to": "2026-01-31"}], "activities[0].to: value '2026-01-31': expected a date not before from"),
        ([WEIBO | {"platform": None}], "activities[0].platform: value 'null': expected a platform of the feed social"),
        ([WEIBO | {"partner": "万达"}], "activities[0].partner: value '万达': expected a partner only where"),
        ([ACTIVITY | {"channel": "app_page", "topic": "t"}], "activities[0].topic: value 't': expected a topic only"),
        ([ACTIVITY | {"channel": "offline"}], "activities[0].places: a list: expected places exactly where"),
        (
            [WEIBO | {"channel": "radio"}],
            "activities[0].channel: value 'radio': expected one of app_page, social, offline",
        ),
    ],
)
def test_publicity_refuses(tmp_path: Path, activities: list[dict[str, Any]], said: str) -> None:
    assert said in judged(tmp_path, "publicity", activities=activities)


@pytest.mark.parametrize(
    ("section", "field"),
    [
        ("phases", "warm_up_days"),
        ("phases", "follow_up_days"),
        ("service", "answer_hours"),
        ("recognition", "min_cases"),
    ],
)
def test_numbers_are_whole(tmp_path: Path, section: str, field: str) -> None:
    assert f"{section}.{field}: value '-1': expected" in judged(tmp_path, section, **{field: -1})
    assert f"{section}.{field}: value '1.5': expected" in judged(tmp_path, section, **{field: 1.5})


def test_what_is_not_said_is_nothing(tmp_path: Path) -> None:
    assert judged(tmp_path, "readiness", trainings=[]) == "ok"
    (training, _) = load_campaign(SHIPPED["readiness"]).versions[0].terms["readiness"]["trainings"]
    assert training == {
        "team": "customer_service",
        "course": "LYH-HALL",
        "staff": 2,
        "share_bp": 6000,
        "halls": "all",
    }
