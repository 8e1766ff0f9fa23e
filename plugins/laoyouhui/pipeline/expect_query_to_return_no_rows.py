"""An expectation of ours: a query for bad rows finds none. Imported by the release step only, since it needs GX."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.expectations.core import UnexpectedRowsExpectation


class ExpectQueryToReturnNoRows(UnexpectedRowsExpectation):  # type: ignore[misc] # GX is not typed for us
    """Great Expectations' own custom query, run once.

    The original runs its query a second time to count the rows; over a province's files that takes seconds. Here the
    rows themselves are counted: up to 200, as many as GX fetches.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.table",)

    def _validate(self, metrics: dict[str, Any], *_: object, **__: object) -> dict[str, Any]:
        rows = metrics["unexpected_rows_query.table"]
        return {
            "success": not rows,
            "result": {"observed_value": len(rows), "details": {"unexpected_rows": rows}},
        }
