"""What is said when a campaign file, a carrier profile or the environment cannot be used."""

from __future__ import annotations


class ConfigError(Exception):
    """Declared configuration is wrong; one line for each mistake: `file:line: field: value 'x': expected ...`."""
