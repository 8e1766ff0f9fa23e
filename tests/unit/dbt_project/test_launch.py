"""Nothing is granted before the launch: what decides reads the days as launched, not as planned (rules, 11)."""

from __future__ import annotations

import re
from pathlib import Path

MODELS = Path(__file__).parents[3] / "dbt_project" / "models"

# they read the plan: who is drawn into the control group, who gives way, whose vouchers are
AS_PLANNED = {
    "int_campaign__campaigns",
    "int_campaign__exclusions",
    "int_campaign__launches",
    "int_readiness__needs",
    "int_holdout__customers",
    "expense_entries",
}


def test_what_decides_reads_the_campaigns_as_launched() -> None:
    models = [path for folder in ("intermediate", "ledger", "exports") for path in (MODELS / folder).rglob("*.sql")]
    models += (MODELS.parent / "functions").glob("*.sql")
    reading = {
        name: {path.stem for path in models if re.search(rf"ref\('{name}'\)", path.read_text("utf-8"))}
        for name in ("stg_campaign__campaigns", "int_campaign__campaigns")
    }
    assert reading["stg_campaign__campaigns"] == AS_PLANNED
    assert {"terms_on", "export_eligibility"} <= reading["int_campaign__campaigns"]
    judged = (MODELS / "intermediate" / "request" / "int_request__judged.sql").read_text("utf-8")
    assert "function('terms_on')" in judged
    assert "stg_campaign__campaigns" not in judged
