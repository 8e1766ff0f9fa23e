"""The little of Airflow's REST API that closing dates needs: for `make run`, and for the story in the deployment."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

DAG_ID = "close_day"


@dataclass(frozen=True)
class AirflowApi:
    """The API behind a page such as `http://127.0.0.1:8080`, as its user `admin`. Logs in with the first question."""

    page: str
    password: str = field(repr=False)

    def knows_dag(self) -> bool:
        """Whether the API answers and the Dag processor has read the DAG."""
        import httpx

        with suppress(httpx.HTTPError):
            # The first call builds the API that tasks talk to, which takes seconds: not in the first task's time.
            self._client.get(f"{self.page}/execution/health")
            return self._client.get(f"/dags/{DAG_ID}").is_success
        return False

    def import_errors(self) -> str:
        """What the Dag processor could not read, a file each with its reason; or that the API does not answer."""
        import httpx

        try:
            errors = self._get("/importErrors")["import_errors"]
        except httpx.HTTPError as error:
            return f"\nthe API at {self.page} does not answer: {error}"
        return "".join(f"\n{error['filename']}: {error['stack_trace']}" for error in errors)

    def trigger(self, business_date: date) -> str:
        """Run the DAG for a date, again where it ran before, and return the run's id."""
        run_id = run_id_of(business_date)
        if self.run_state(run_id) is not None:
            answer = self._client.post(f"/dags/{DAG_ID}/dagRuns/{run_id}/clear", json={"dry_run": False})
        else:
            answer = self._client.post(
                f"/dags/{DAG_ID}/dagRuns",
                json={
                    "dag_run_id": run_id,
                    "logical_date": f"{business_date}T03:00:00+08:00",
                    "conf": {"business_date": business_date.isoformat()},
                },
            )
        answer.raise_for_status()
        return run_id

    def run_state(self, run_id: str) -> str | None:
        """The state of a DAG run: `queued`, `running`, `success` or `failed`; None where there is no such run."""
        answer = self._client.get(f"/dags/{DAG_ID}/dagRuns/{run_id}")
        if answer.status_code == 404:
            return None
        state: str = answer.raise_for_status().json()["state"]
        return state

    def task_states(self, run_id: str) -> dict[str, tuple[str | None, float | None]]:
        """The state and the seconds of each task of a DAG run."""
        answer = self._get(f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances")
        return {task["task_id"]: (task["state"], task["duration"]) for task in answer["task_instances"]}

    @cached_property
    def _client(self) -> httpx.Client:
        import httpx

        token = httpx.post(
            f"{self.page}/auth/token",
            json={"username": "admin", "password": self.password},
            trust_env=False,
            timeout=60,
        )
        token.raise_for_status()
        return httpx.Client(
            base_url=f"{self.page}/api/v2",
            headers={"Authorization": f"Bearer {token.json()['access_token']}"},
            trust_env=False,  # a proxy of the user's is for neither 127.0.0.1 nor the deployment's inner network
            timeout=60,
        )

    def _get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        return self._client.get(path).raise_for_status().json()


def run_id_of(business_date: date) -> str:
    """The id of the DAG run that closes a date."""
    return f"close__{business_date}"
