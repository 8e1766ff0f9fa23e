"""The section `family_numbers`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from laoyouhui.config.terms.family_numbers import Terms


def test_a_right_one_is_read() -> None:
    assert Terms.model_validate({"limit": 3, "exclusive": False}).limit == 3


@pytest.mark.parametrize(
    ("section", "at", "expected"),
    [
        ({"limit": 0, "exclusive": False}, "limit", "a whole number from 1 to 1000000"),
        ({"limit": True, "exclusive": False}, "limit", "a whole number from 1 to 1000000"),
        ({"limit": 3, "exclusive": 1}, "exclusive", "true or false"),
    ],
)
def test_refused(section: dict[str, object], at: str, expected: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Terms.model_validate(section)
    assert [(error["loc"], error["ctx"]["expected"]) for error in refused.value.errors()] == [((at,), expected)]
