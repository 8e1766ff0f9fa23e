"""Lineage is emitted if a transport is configured; a fault of it fails no task that decides or pays."""

from __future__ import annotations

import logging
from datetime import date

from laoyouhui.config.settings import Settings
from laoyouhui.orchestration import lineage

NOBODY_LISTENS = "postgresql://nobody:nothing@127.0.0.1:9/none"


def test_nothing_is_told_where_no_transport_is_named(monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_URL", "")  # as the deployment sets it
    assert not lineage.is_collected()


def test_what_happened_is_told_where_a_transport_is_named(monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_URL", "http://marquez.example:5000")
    assert lineage.is_collected()


def test_a_transport_that_cannot_be_read_is_a_warning(monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", "[1]")
    with caplog.at_level(logging.WARNING):
        assert not lineage.is_collected()
    assert "OpenLineage" in caplog.text


def test_a_warehouse_that_cannot_be_asked_is_a_warning(caplog, tmp_path):
    settings = Settings(
        home=tmp_path, exchange="/exchange", campaign_files=(), work=tmp_path, warehouse_dsn=NOBODY_LISTENS
    )
    with caplog.at_level(logging.WARNING):
        lineage.report_datasets(settings, "release", date(2026, 1, 26), None)
    assert "what release read and wrote is not reported" in caplog.text
