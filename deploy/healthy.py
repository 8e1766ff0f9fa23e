"""A container's health check: `healthy.py URL [component]` ends with 0 when the URL answers and calls the component healthy."""

from __future__ import annotations

import json
import sys
from urllib.request import ProxyHandler, build_opener


def main(url: str, component: str | None = None) -> int:
    """Return 0 when `url` answers 200 and, where `component` is given, its `status` in the JSON answer is `healthy`."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=10) as answer:
            parts = json.load(answer)
    except OSError as error:
        return _unhealthy(f"{url}: {error}")
    if component and parts.get(component, {}).get("status") != "healthy":
        return _unhealthy(f"{component}: {parts.get(component)}")
    return 0


def _unhealthy(reason: str) -> int:
    print(reason)  # noqa: T201 - `docker inspect` shows it
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
