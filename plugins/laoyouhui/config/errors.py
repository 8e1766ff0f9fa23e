"""The error for a campaign file, a carrier profile or an environment that cannot be used."""

from __future__ import annotations


class ConfigError(Exception):
    """Declared configuration is wrong; one line for each mistake: `file:line: field: value 'x': expected ...`."""
