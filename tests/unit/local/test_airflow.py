"""Airflow's settings for one workspace, and what is said of a failed task."""

from __future__ import annotations

import json
import stat

import pytest

from laoyouhui_local.airflow import Airflow, errors_in_log

SERVER = "postgresql://lyh:pa%24s@db.example:6432/postgres?sslmode=require"


@pytest.fixture
def airflow(tmp_path):
    return Airflow(tmp_path / "home", tmp_path / "work", SERVER, "lyh_airflow", {"WAREHOUSE_DSN": "postgresql://w"})


def test_nothing_listens_beyond_this_machine(airflow):
    environment = airflow.environment("lyh_airflow")
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__API__BASE_URL"] == f"http://127.0.0.1:{airflow.port}"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"http://127.0.0.1:{airflow.port}/execution/"


def test_the_metadata_stand_on_the_same_server(airflow):
    environment = airflow.environment("lyh_airflow")
    assert (
        environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
        == "postgresql+psycopg2://lyh:pa%24s@db.example:6432/lyh_airflow?sslmode=require"
    )
    assert (
        environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"]
        == "postgresql+asyncpg://lyh:pa%24s@db.example:6432/lyh_airflow"
    )


def test_secrets_are_kept_and_read_by_their_owner_only(airflow):
    first = airflow.environment("lyh_airflow")
    assert first["AIRFLOW__CORE__FERNET_KEY"] == airflow.environment("lyh_airflow")["AIRFLOW__CORE__FERNET_KEY"]
    secrets = [path for path in airflow.folder.iterdir() if path.is_file()]
    assert len(secrets) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    passwords = json.loads((airflow.folder / "passwords.json").read_text())
    assert passwords == {"admin": airflow.password}


def test_the_users_own_airflow_has_no_say(airflow, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environment = airflow.environment("lyh_airflow")
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["LAOYOUHUI_SCHEDULE"] == ""
    assert environment["WAREHOUSE_DSN"] == "postgresql://w"


def test_the_errors_of_a_task_are_its_exceptions_words(tmp_path):
    log = tmp_path / "attempt=1.log"
    entries = [
        {"level": "info", "event": "Task started"},
        {
            "level": "error",
            "event": "Task failed",
            "error_detail": [{"exc_type": "ReleaseRefused", "exc_value": "3 rows"}],
        },
        {"level": "error", "event": "the warehouse is gone"},
    ]
    log.write_text("\n".join([*map(json.dumps, entries), "no json"]))
    assert errors_in_log(log) == "ReleaseRefused: 3 rows\nthe warehouse is gone"
