"""A container's health check, from what Airflow's API tells: `healthy.py URL component`."""

from __future__ import annotations

import json
import sys
from urllib.request import ProxyHandler, build_opener


def main(url: str, component: str) -> int:
    """Return 0 when the JSON at `url` calls the component (such as `scheduler`) healthy, else 1 and say why not."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=10) as answer:
            told = json.load(answer).get(component) or {}
    except (OSError, ValueError) as error:
        told = {"status": f"{url}: {error}"}
    if told.get("status") == "healthy":
        return 0
    print(f"{component}: {told.get('status')}")  # noqa: T201 - `docker inspect` shows it
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
