"""Membership, cards and trials in a campaign file: what is refused, with which words."""

# ruff: noqa: E501 (the table of refusals reads one to a line)
from __future__ import annotations

from pathlib import Path

import pytest

from laoyouhui.config.campaign import load_campaign
from laoyouhui.config.errors import ConfigError

SHIPPED = Path(__file__).parents[3] / "campaigns" / "lyh2026.yml"
TEMPLATES = "terms[0].messages.templates"


@pytest.fixture
def shipped() -> str:
    return SHIPPED.read_text(encoding="utf-8")


def refusal(folder: Path, text: str) -> str:
    """What is said of the only mistake of a campaign file: field, value, what was expected."""
    (folder / "campaigns").mkdir()
    file = folder / "campaigns" / "x.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_campaign(file)
    lines = str(refused.value).split("\n")
    assert len(lines) == 1, lines
    return lines[0].removeprefix(f"{file}:").split(": ", 1)[1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("membership: {}", "membership: {years: 5}", "terms[0].membership.years: value '5': expected a known field"),
        (
            "code: IQIYI",
            "code: TENCENT",
            "terms[0].cards.platforms[1].code: value 'TENCENT': expected each platform once",
        ),
        (
            "name: 爱奇艺",
            "name: '{爱奇艺}'",
            "terms[0].cards.platforms[1].name: value '{爱奇艺}': expected text in one line",
        ),
        (
            "monthly_need: 50",
            "monthly_need: 0",
            "terms[0].cards.platforms[1].monthly_need: value '0': expected a whole",
        ),
        ("limit_per_month: 1 ", "limit_per_month: 0 ", "terms[0].cards.limit_per_month: value '0': expected a whole"),
        ("low_stock_bp: 1000", "low_stock_bp: 10.5", "terms[0].cards.low_stock_bp: value '10.5': expected whole basis"),
        (
            "code_sms_attempts: 3",
            "code_sms_attempts: 0",
            "terms[0].cards.code_sms_attempts: value '0': expected a whole",
        ),
        ("code: VRING", "code: CLOUD", "terms[0].trials.offers[1].code: value 'CLOUD': expected each trial once"),
        (
            "https://u.example/v",
            "ftp://u.example/v",
            "terms[0].trials.offers[1].link: value 'ftp://u.example/v': expected an",
        ),
        ("opens_on: 2026-02-10", "opens_on: soon", "terms[0].trials.offers[1].opens_on: value 'soon': expected a date"),
        ("places: 200", "places: 0", "terms[0].trials.offers[1].places: value '0': expected a whole number"),
        (
            "member_lead_days: 3",
            "member_lead_days: -1",
            "terms[0].trials.member_lead_days: value '-1': expected whole days",
        ),
        (
            "CARD_CODE, class: service, channel: sms",
            "CARD_CODE, class: service, title: 月卡, channel: push",
            f"{TEMPLATES}[4].channel: value 'push': expected a service SMS: {{code}} is a secret",
        ),
        ("{code}，请于", "，请于", f"{TEMPLATES}[4].text: value '【中国联通】"),
        ("{code}，请于", "{code}{code}，请于", f"{TEMPLATES}[4].text: value '【中国联通】"),
        (
            'card_code, text: "【中国联通】您领取的{platform}月卡兑换码：{code}，请于{expires_on}前兑换，请勿转告他人。',
            'data_gift, text: "【中国联通】',
            f"{TEMPLATES}: a list: expected a template of the event card_code, without which cards reach nobody",
        ),
    ],
)
def test_one_mistake_is_refused(tmp_path: Path, shipped: str, old: str, new: str, said: str) -> None:
    assert shipped.count(old) == 1, old
    found = refusal(tmp_path, shipped.replace(old, new))
    assert found.startswith(said), found
