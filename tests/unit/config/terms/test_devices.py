"""The section `devices`: bands without gaps or overlaps."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from laoyouhui.config.terms.devices import Terms

RIGHT = {
    "channels": ["APP", "HALL"],
    "bands": [{"from_fen": 0, "rate_bp": 9500}, {"from_fen": 100000, "rate_bp": 9000}],
    "limit": 1,
    "hold_days": 60,
    "late_days": 10,
    "ship_days": 3,
    "unpaid_days": 3,
}
RATE = "whole basis points from 1 to 10000"


def test_a_right_one_is_read() -> None:
    assert [(band.from_fen, band.rate_bp) for band in Terms.model_validate(RIGHT).bands] == [(0, 9500), (100000, 9000)]


@pytest.mark.parametrize(
    ("changes", "at", "expected"),
    [
        # a band ends where the next begins: there are no other gaps and overlaps than these
        (
            {"bands": [{"from_fen": 1, "rate_bp": 9500}]},
            ("bands", 0, "from_fen"),
            "0, so that no price falls below the first band",
        ),
        (
            {"bands": [{"from_fen": 0, "rate_bp": 9500}, {"from_fen": 0, "rate_bp": 9000}]},
            ("bands", 1, "from_fen"),
            "more than the 0 before it",
        ),
        (
            {"bands": [*RIGHT["bands"], {"from_fen": 99999, "rate_bp": 9000}]},  # type: ignore[misc]
            ("bands", 2, "from_fen"),
            "more than the 100000 before it",
        ),
        ({"bands": [{"from_fen": 0, "rate_bp": 0}]}, ("bands", 0, "rate_bp"), RATE),
        ({"bands": [{"from_fen": 0, "rate_bp": 10001}]}, ("bands", 0, "rate_bp"), RATE),
        ({"bands": [{"from_fen": 0, "rate_bp": 95.5}]}, ("bands", 0, "rate_bp"), RATE),
        ({"channels": ["APP", "APP"]}, ("channels", 1), "each channel once"),
        ({"limit": 0}, ("limit",), "a whole number from 1 to 1000000"),
        ({"ship_days": -1}, ("ship_days",), "whole days from 0 to 10000"),
    ],
)
def test_refused(changes: dict[str, object], at: tuple[str | int, ...], expected: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Terms.model_validate(RIGHT | changes)
    assert [(error["loc"], error["ctx"]["expected"]) for error in refused.value.errors()] == [(at, expected)]


def test_no_band_is_refused() -> None:
    with pytest.raises(ValidationError) as refused:
        Terms.model_validate(RIGHT | {"bands": []})
    assert [(error["loc"], error["type"]) for error in refused.value.errors()] == [(("bands",), "too_short")]
