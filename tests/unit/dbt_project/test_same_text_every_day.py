"""A test of data and a function read the same every day: dbt-bouncer sees to models and macros, and knows neither."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]


def test_no_singular_test_or_function_holds_what_dbt_puts_in_as_it_compiles() -> None:
    checks = yaml.safe_load((ROOT / "dbt-bouncer.yml").read_text("utf-8"))["manifest_checks"]
    (pattern,) = {each["regexp_pattern"] for each in checks if "regexp_pattern" in each}
    tests, functions = (list((ROOT / "dbt_project" / folder).rglob("*.sql")) for folder in ("tests", "functions"))
    assert len(tests) > 10
    assert len(functions) > 5
    assert [path.name for path in tests + functions if re.match(pattern, path.read_text("utf-8"), re.DOTALL)] == []
    for frozen in ("{{ run_started_at }}", "{{ var('x') }}", "{% if target.name == 'x' %}", "{{ env_var('X') }}"):
        assert re.match(pattern, f"select 1 as one {frozen}", re.DOTALL)
