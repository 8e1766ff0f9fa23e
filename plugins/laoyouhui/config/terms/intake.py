"""What comes in: rules, 12."""

from __future__ import annotations

from typing import ClassVar

from laoyouhui.config.kinds import BasisPoints, Clock, Section


class Terms(Section):
    """How many bad rows a file may have, and until when it is due."""

    is_required: ClassVar[bool] = True

    bad_rows_limit_bp: BasisPoints
    delivered_by: Clock
