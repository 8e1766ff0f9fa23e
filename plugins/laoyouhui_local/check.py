"""`make check`: judge campaign files (CAMPAIGN) and a carrier's profile (CARRIER) before anything runs with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from laoyouhui.config.campaign import judge_campaigns, judge_carrier
from laoyouhui.config.errors import ConfigError
from laoyouhui_local.console import say
from laoyouhui_local.workspace import UsageError, campaign_files, path_of


def main(variables: Mapping[str, str]) -> int:
    """Say `ok` and give 0, or every mistake and 2. Without CAMPAIGN the profile alone is judged, where one is given.

    What may be a mistake and stops no run is said before `ok`, as a warning.
    """
    try:
        profile = path_of(variables["CARRIER"], variables) if variables.get("CARRIER") else None
        if profile is not None and not variables.get("CAMPAIGN"):
            judge_carrier(profile)
        else:
            for warning in judge_campaigns(campaign_files(variables), profile)[1]:
                say(f"warning: {warning}", wrong=True)
    except (UsageError, ConfigError, OSError) as error:  # of the last: a path that is too long
        say(str(error), wrong=True)
        return 2
    say("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
