"""Rule 5: family numbers. Which requests are approved and why not others, in order of time; the life of a link.

The campaign runs from 1 to 4 February 2026, with at most 2 numbers in a list (the default is 3), so that a list is full
soon. Tenure is 5 years. There are no data gifts, so that nothing but links leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.campaign.harness import (
    ANYTHING,
    Answer,
    Day,
    Fact,
    File,
    Play,
    Story,
    again,
    but,
    close,
    people,
    subscribers,
    terms,
)

EVERYBODY = people("""
S-ONE       01
S-EDGE      02
S-YOUNG     03 activation_date=20240101
S-SUSPENDED 04 status=S
S-FULL      05
S-SELF      06
S-TWICE     07
S-THEIRS    08
S-FREES     09
S-ORDER     10
S-TIES      11
S-LATE      12
S-LEAVES    13
S-PORTS     14
S-KEEPS     15
S-CONFLICT  16
S-REFUSED   17
S-AGAIN     18
S-LATEDEAD  19
S-AFTER     20
S-SILENT    21
# family: who need not qualify
F-1         51 activation_date=20250101
F-2         52 segment=BUSINESS
F-3         53
F-4         54 card_role=SECONDARY
F-CLOSES    55
F-PORTS     56
F-MOVES     57
F-SUSPENDED 58 status=S
F-GONE      59 status=C
F-NEW       60
""")


def number(of: str) -> str:
    """The phone number of one of EVERYBODY."""
    return EVERYBODY[of]["msisdn"]


def requests(text: str, *, seq: int = 1, date: str = "") -> File:
    """A `family_request` delivery from lines `id subscriber time ADD|REMOVE family`, the family by name or number."""
    rows = []
    for words in (line.split() for line in text.splitlines()):
        if words and words[0] != "#":
            identity, who, at, action, family = words
            msisdn = number(family) if family in EVERYBODY else family
            rows.append(f"{identity}|{who}|{at}|{action}|{msisdn}|APP|")
    return File("family_request", rows, seq=seq, date=date)


def decided(rows: str) -> Fact:
    """The family numbers decided in this run: what was asked (or END), reason, why not eligible, who."""
    return Fact(
        "family numbers decided in this run (request|action|reason|not eligible because|subscriber|number)",
        "select coalesce(request_id, 'end'), action, reason, not_eligible_reason, subscriber_id, family_msisdn"
        " from ledger.family_decisions where business_date = {on}",
        rows,
    )


def links(why: str, rows: str) -> Fact:
    """Who stands in whose list as a day ends."""
    return Fact(
        f"family links: {why}",
        "select subscriber_id, family_msisdn from ledger.family_links where ends_at is null",
        rows,
    )


FAMILY = {
    "data_gift": None,
    "recharge": None,
    "messages": {"templates": []},
    "family_numbers": {"limit": 2, "exclusive": False},
}

# F-CLOSES closes and F-PORTS ports out on 2 February; F-MOVES takes another number on 3 February, and F-NEW its old one
FEB2 = but(EVERYBODY, "F-CLOSES status=C status_date=20260202\nF-PORTS status=P status_date=20260202")
FEB3 = but(
    FEB2,
    f"""
    F-MOVES msisdn=13111111111
    F-NEW msisdn={number("F-MOVES")}
    S-LEAVES status=C status_date=20260203
    S-PORTS status=P status_date=20260203
    S-KEEPS status=S status_date=20260203
    """,
)

STORY = Story(
    "family numbers",
    terms("2026-02-01", "2026-02-04", FAMILY),
    [
        Day(
            "20260131",
            proves="rules 1.7, 5: a request a second before the campaign begins is refused",
            arrives=[subscribers(EVERYBODY), requests("Q-EARLY S-EDGE 20260131235959 ADD F-1")],
            facts=[decided("Q-EARLY|ADD|WINDOW||S-EDGE|13000000051")],
        ),
        Day(
            "20260201",
            proves="rules 5: requests are taken in order of time, each with its reason",
            arrives=[
                subscribers(EVERYBODY),
                requests("""
                Q-START    S-EDGE      20260201000000 ADD F-1
                # whom they add need not qualify: too young, a business, a secondary card
                Q-ONE-1    S-ONE       20260201090000 ADD F-1
                Q-ONE-2    S-ONE       20260201090001 ADD F-4
                Q-YOUNG    S-YOUNG     20260201090000 ADD F-1
                Q-SUSP     S-SUSPENDED 20260201090000 ADD F-1
                Q-GHOST    S-GHOST     20260201090000 ADD F-1
                # full: QUOTA is asked before all that follows
                Q-FULL-1   S-FULL      20260201090000 ADD F-1
                Q-FULL-2   S-FULL      20260201090001 ADD F-2
                Q-FULL-3   S-FULL      20260201090002 ADD F-3
                Q-FULL-4   S-FULL      20260201090003 ADD S-FULL
                Q-FULL-5   S-FULL      20260201090004 ADD F-1
                Q-FULL-6   S-FULL      20260201090005 ADD 13999999999
                Q-SELF     S-SELF      20260201090000 ADD S-SELF
                Q-TWICE-1  S-TWICE     20260201090000 ADD F-1
                Q-TWICE-2  S-TWICE     20260201100000 ADD F-1
                Q-THEIRS-1 S-THEIRS    20260201090000 ADD 13999999999
                Q-THEIRS-2 S-THEIRS    20260201090001 ADD F-SUSPENDED
                Q-THEIRS-3 S-THEIRS    20260201090002 ADD F-GONE
                # removing frees the place from then on, not before
                Q-FREES-1  S-FREES     20260201090000 ADD F-1
                Q-FREES-2  S-FREES     20260201090100 ADD F-2
                Q-FREES-3  S-FREES     20260201090200 ADD F-3
                Q-FREES-4  S-FREES     20260201090300 REMOVE F-1
                Q-FREES-5  S-FREES     20260201090400 ADD F-3
                Q-FREES-6  S-FREES     20260201090500 ADD F-4
                Q-FREES-7  S-FREES     20260201090600 REMOVE F-1
                # by time, whatever the order in the file
                Q-ORDER-C  S-ORDER     20260201120000 ADD F-3
                Q-ORDER-B  S-ORDER     20260201110000 ADD F-2
                Q-ORDER-A  S-ORDER     20260201100000 ADD F-1
                # at one time by id
                Q-TIES-3   S-TIES      20260201100000 ADD F-3
                Q-TIES-1   S-TIES      20260201100000 ADD F-1
                Q-TIES-2   S-TIES      20260201100000 ADD F-2
                # the same id twice: one content is counted once, two contents not at all
                Q-SAME     S-CONFLICT  20260201090000 ADD F-1
                Q-SAME     S-CONFLICT  20260201090000 ADD F-1
                Q-CONF     S-CONFLICT  20260201100000 ADD F-2
                Q-CONF     S-CONFLICT  20260201100000 ADD F-3
                Q-LATE-1   S-LATE      20260201090000 ADD F-1
                Q-LATE-2   S-LATE      20260201090100 ADD F-2
                Q-LEAVES   S-LEAVES    20260201090000 ADD F-1
                Q-PORTS    S-PORTS     20260201090000 ADD F-1
                Q-KEEPS-1  S-KEEPS     20260201090000 ADD F-CLOSES
                Q-KEEPS-2  S-KEEPS     20260201090100 ADD F-MOVES
                Q-REFUSED  S-REFUSED   20260201090000 ADD F-1
                Q-AGAIN    S-AGAIN     20260201090000 ADD F-1
                Q-SILENT-1 S-SILENT    20260201090000 ADD F-PORTS
                Q-SILENT-2 S-SILENT    20260201090100 ADD F-1
                """),
            ],
            out={
                "family_link": """
                    edge|S-EDGE|13000000002|13000000051|ADD|20260201000000
                    one-1|S-ONE|13000000001|13000000051|ADD|20260201090000
                    one-2|S-ONE|13000000001|13000000054|ADD|20260201090001
                    full-1|S-FULL|13000000005|13000000051|ADD|20260201090000
                    full-2|S-FULL|13000000005|13000000052|ADD|20260201090001
                    twice|S-TWICE|13000000007|13000000051|ADD|20260201090000
                    frees-1|S-FREES|13000000009|13000000051|ADD|20260201090000
                    frees-2|S-FREES|13000000009|13000000052|ADD|20260201090100
                    frees-1-end|S-FREES|13000000009|13000000051|REMOVE|20260201090300
                    frees-3|S-FREES|13000000009|13000000053|ADD|20260201090400
                    order-a|S-ORDER|13000000010|13000000051|ADD|20260201100000
                    order-b|S-ORDER|13000000010|13000000052|ADD|20260201110000
                    ties-1|S-TIES|13000000011|13000000051|ADD|20260201100000
                    ties-2|S-TIES|13000000011|13000000052|ADD|20260201100000
                    same|S-CONFLICT|13000000016|13000000051|ADD|20260201090000
                    late-1|S-LATE|13000000012|13000000051|ADD|20260201090000
                    late-2|S-LATE|13000000012|13000000052|ADD|20260201090100
                    leaves|S-LEAVES|13000000013|13000000051|ADD|20260201090000
                    ports|S-PORTS|13000000014|13000000051|ADD|20260201090000
                    keeps-1|S-KEEPS|13000000015|13000000055|ADD|20260201090000
                    keeps-2|S-KEEPS|13000000015|13000000057|ADD|20260201090100
                    refused|S-REFUSED|13000000017|13000000051|ADD|20260201090000
                    again|S-AGAIN|13000000018|13000000051|ADD|20260201090000
                    silent-1|S-SILENT|13000000021|13000000056|ADD|20260201090000
                    silent-2|S-SILENT|13000000021|13000000051|ADD|20260201090100
                """,
            },
            answers={"family_link": Answer(refuse={"S-REFUSED": "11", "S-AGAIN": "90"})},
            facts=[
                decided("""
                Q-START|ADD|APPROVED||S-EDGE|13000000051
                Q-ONE-1|ADD|APPROVED||S-ONE|13000000051
                Q-ONE-2|ADD|APPROVED||S-ONE|13000000054
                Q-YOUNG|ADD|NOT_ELIGIBLE|TENURE|S-YOUNG|13000000051
                Q-SUSP|ADD|NOT_ELIGIBLE|NOT_ACTIVE|S-SUSPENDED|13000000051
                Q-GHOST|ADD|NOT_ELIGIBLE|UNKNOWN|S-GHOST|13000000051
                Q-FULL-1|ADD|APPROVED||S-FULL|13000000051
                Q-FULL-2|ADD|APPROVED||S-FULL|13000000052
                Q-FULL-3|ADD|QUOTA||S-FULL|13000000053
                Q-FULL-4|ADD|QUOTA||S-FULL|13000000005
                Q-FULL-5|ADD|QUOTA||S-FULL|13000000051
                Q-FULL-6|ADD|QUOTA||S-FULL|13999999999
                Q-SELF|ADD|SELF||S-SELF|13000000006
                Q-TWICE-1|ADD|APPROVED||S-TWICE|13000000051
                Q-TWICE-2|ADD|DUPLICATE||S-TWICE|13000000051
                Q-THEIRS-1|ADD|NOT_OURS||S-THEIRS|13999999999
                Q-THEIRS-2|ADD|NOT_OURS||S-THEIRS|13000000058
                Q-THEIRS-3|ADD|NOT_OURS||S-THEIRS|13000000059
                Q-FREES-1|ADD|APPROVED||S-FREES|13000000051
                Q-FREES-2|ADD|APPROVED||S-FREES|13000000052
                Q-FREES-3|ADD|QUOTA||S-FREES|13000000053
                Q-FREES-4|REMOVE|REMOVED||S-FREES|13000000051
                Q-FREES-5|ADD|APPROVED||S-FREES|13000000053
                Q-FREES-6|ADD|QUOTA||S-FREES|13000000054
                Q-FREES-7|REMOVE|NOT_LINKED||S-FREES|13000000051
                Q-ORDER-A|ADD|APPROVED||S-ORDER|13000000051
                Q-ORDER-B|ADD|APPROVED||S-ORDER|13000000052
                Q-ORDER-C|ADD|QUOTA||S-ORDER|13000000053
                Q-TIES-1|ADD|APPROVED||S-TIES|13000000051
                Q-TIES-2|ADD|APPROVED||S-TIES|13000000052
                Q-TIES-3|ADD|QUOTA||S-TIES|13000000053
                Q-SAME|ADD|APPROVED||S-CONFLICT|13000000051
                Q-CONF|ADD|CONFLICT||S-CONFLICT|*
                Q-LATE-1|ADD|APPROVED||S-LATE|13000000051
                Q-LATE-2|ADD|APPROVED||S-LATE|13000000052
                Q-LEAVES|ADD|APPROVED||S-LEAVES|13000000051
                Q-PORTS|ADD|APPROVED||S-PORTS|13000000051
                Q-KEEPS-1|ADD|APPROVED||S-KEEPS|13000000055
                Q-KEEPS-2|ADD|APPROVED||S-KEEPS|13000000057
                Q-REFUSED|ADD|APPROVED||S-REFUSED|13000000051
                Q-AGAIN|ADD|APPROVED||S-AGAIN|13000000051
                Q-SILENT-1|ADD|APPROVED||S-SILENT|13000000056
                Q-SILENT-2|ADD|APPROVED||S-SILENT|13000000051
                """),
                Fact(
                    "exceptions: both rows of the conflict, none of the duplicate",
                    "select item_key, count(*) from marts.exceptions where exception_type = 'FAMILY_CONFLICT'"
                    " group by 1",
                    "Q-CONF|2",
                ),
            ],
        ),
        Day(
            "20260202",
            proves="rules 5: a link ends when the other side closes or ports out, and frees its slot from then on",
            arrives=[
                subscribers(FEB2),
                requests("""
                # a known id with other content: the first stands
                Q-SAME     S-CONFLICT  20260201090000 ADD F-2
                # the link of S-KEEPS with F-CLOSES ends as 2 February begins: its place is free on that day
                Q-KEEPS-3  S-KEEPS     20260202000000 ADD F-1
                Q-SILENT-3 S-SILENT    20260202090000 REMOVE F-PORTS
                # one of the two links of S-LATE ends at noon; late requests follow on 3 February
                Q-LATE-3   S-LATE      20260202120000 REMOVE F-1
                # F-CLOSES is no longer an active number
                Q-ONE-3    S-ONE       20260202090000 REMOVE F-4
                Q-ONE-4    S-ONE       20260202100000 ADD F-CLOSES
                """),
            ],
            out={
                "family_link": """
                    again|S-AGAIN|13000000018|13000000051|ADD|20260201090000
                    keeps-1-end|S-KEEPS|13000000015|13000000055|REMOVE|20260202000000
                    keeps-3|S-KEEPS|13000000015|13000000051|ADD|20260202000000
                    silent-1-end|S-SILENT|13000000021|13000000056|REMOVE|20260202000000
                    late-1-end|S-LATE|13000000012|13000000051|REMOVE|20260202120000
                    one-2-end|S-ONE|13000000001|13000000054|REMOVE|20260202090000
                """,
            },
            facts=[
                decided("""
                Q-KEEPS-3|ADD|APPROVED||S-KEEPS|13000000051
                Q-SILENT-3|REMOVE|NOT_LINKED||S-SILENT|13000000056
                Q-LATE-3|REMOVE|REMOVED||S-LATE|13000000051
                Q-ONE-3|REMOVE|REMOVED||S-ONE|13000000054
                Q-ONE-4|ADD|NOT_OURS||S-ONE|13000000055
                end|END|REFUSED||S-REFUSED|13000000051
                end|END|FAMILY_CLOSED||S-KEEPS|13000000055
                end|END|FAMILY_PORTED_OUT||S-SILENT|13000000056
                """),
                Fact(
                    "exceptions: the row that came later counts for nothing, and is listed",
                    "select item_key, count(*) from marts.exceptions where exception_type = 'FAMILY_CONFLICT'"
                    " group by 1",
                    "Q-CONF|2\nQ-SAME|1",
                ),
            ],
        ),
        Day(
            "20260203",
            proves="rules 5: a late request meets the list of its own time, and a link ends when its owner leaves",
            arrives=[
                subscribers(FEB3),
                requests("""
                # late ones: of before noon, when the list was full, and of after it
                Q-LATE-4     S-LATE     20260202110000 ADD F-3
                Q-LATE-5     S-LATE     20260202130000 ADD F-3
                # a late one of before its link began
                Q-EDGE-R     S-EDGE     20260131120000 REMOVE F-1
                # F-CLOSES was active on 1 February: approved, and ended as 2 February began
                Q-DEAD       S-LATEDEAD 20260201200000 ADD F-CLOSES
                # the number is F-NEW's now: it is another subscription, and may be added
                Q-ONE-5      S-ONE      20260203090000 ADD F-MOVES
                # the refused link holds no place
                Q-REFUSED-2  S-REFUSED  20260203090000 ADD F-2
                Q-REFUSED-3  S-REFUSED  20260203090001 ADD F-3
                Q-REFUSED-4  S-REFUSED  20260203090002 ADD F-4
                # suspended: nothing may be added, but taken out
                Q-KEEPS-4    S-KEEPS    20260203100000 ADD F-3
                Q-KEEPS-5    S-KEEPS    20260203100001 REMOVE F-1
                Q-AFTER      S-AFTER    20260203100000 ADD F-1
                """),
            ],
            out={
                "family_link": """
                    late-3|S-LATE|13000000012|13000000053|ADD|20260202130000
                    dead|S-LATEDEAD|13000000019|13000000055|ADD|20260201200000
                    dead-end|S-LATEDEAD|13000000019|13000000055|REMOVE|20260202000000
                    one-5|S-ONE|13000000001|13000000057|ADD|20260203090000
                    refused-2|S-REFUSED|13000000017|13000000052|ADD|20260203090000
                    refused-3|S-REFUSED|13000000017|13000000053|ADD|20260203090001
                    keeps-2-end|S-KEEPS|13000000015|13000000057|REMOVE|20260203000000
                    keeps-3-end|S-KEEPS|13000000015|13000000051|REMOVE|20260203100001
                    leaves-end|S-LEAVES|13000000013|13000000051|REMOVE|20260203000000
                    ports-end|S-PORTS|13000000014|13000000051|REMOVE|20260203000000
                    after|S-AFTER|13000000020|13000000051|ADD|20260203100000
                """,
            },
            facts=[
                decided("""
                Q-LATE-4|ADD|QUOTA||S-LATE|13000000053
                Q-LATE-5|ADD|APPROVED||S-LATE|13000000053
                Q-EDGE-R|REMOVE|NOT_LINKED||S-EDGE|13000000051
                Q-DEAD|ADD|APPROVED||S-LATEDEAD|13000000055
                end|END|FAMILY_CLOSED||S-LATEDEAD|13000000055
                Q-ONE-5|ADD|APPROVED||S-ONE|13000000057
                Q-REFUSED-2|ADD|APPROVED||S-REFUSED|13000000052
                Q-REFUSED-3|ADD|APPROVED||S-REFUSED|13000000053
                Q-REFUSED-4|ADD|QUOTA||S-REFUSED|13000000054
                Q-KEEPS-4|ADD|NOT_ELIGIBLE|NOT_ACTIVE|S-KEEPS|13000000053
                Q-KEEPS-5|REMOVE|REMOVED||S-KEEPS|13000000051
                Q-AFTER|ADD|APPROVED||S-AFTER|13000000051
                end|END|NUMBER_CHANGED||S-KEEPS|13000000057
                end|END|CLOSED||S-LEAVES|13000000051
                end|END|PORTED_OUT||S-PORTS|13000000051
                """),
            ],
        ),
        Day(
            "20260204",
            proves="rules 1.7, 5: a request in the campaign's last second is approved",
            arrives=[subscribers(FEB3), requests("Q-LAST S-EDGE 20260204235959 ADD F-2")],
            out={"family_link": "edge-2|S-EDGE|13000000002|13000000052|ADD|20260204235959"},
            facts=[decided("Q-LAST|ADD|APPROVED||S-EDGE|13000000052")],
        ),
        # the campaign is over: nothing can be added, but links stay, may be taken out, and end with a side
        Day(
            "20260205",
            proves="rules 5: after the campaign nothing is added, but links stay, are removed and end",
            arrives=[
                subscribers(but(FEB3, "F-2 status=C status_date=20260205")),
                requests("""
                Q-OVER   S-EDGE  20260205000000 ADD F-3
                Q-OVER-R S-AFTER 20260205090000 REMOVE F-1
                """),
            ],
            out={
                "family_link": """
                    after-end|S-AFTER|13000000020|13000000051|REMOVE|20260205090000
                    edge-2-end|S-EDGE|13000000002|13000000052|REMOVE|20260205000000
                    full-2-end|S-FULL|13000000005|13000000052|REMOVE|20260205000000
                    frees-2-end|S-FREES|13000000009|13000000052|REMOVE|20260205000000
                    order-b-end|S-ORDER|13000000010|13000000052|REMOVE|20260205000000
                    ties-2-end|S-TIES|13000000011|13000000052|REMOVE|20260205000000
                    late-2-end|S-LATE|13000000012|13000000052|REMOVE|20260205000000
                    refused-2-end|S-REFUSED|13000000017|13000000052|REMOVE|20260205000000
                """,
            },
            facts=[
                decided("""
                Q-OVER|ADD|WINDOW||S-EDGE|13000000053
                Q-OVER-R|REMOVE|REMOVED||S-AFTER|13000000051
                end|END|FAMILY_CLOSED||S-EDGE|13000000052
                end|END|FAMILY_CLOSED||S-FULL|13000000052
                end|END|FAMILY_CLOSED||S-FREES|13000000052
                end|END|FAMILY_CLOSED||S-ORDER|13000000052
                end|END|FAMILY_CLOSED||S-TIES|13000000052
                end|END|FAMILY_CLOSED||S-LATE|13000000052
                end|END|FAMILY_CLOSED||S-REFUSED|13000000052
                """),
                links(
                    "after the campaign",
                    """
                    S-EDGE|13000000051
                    S-ONE|13000000051
                    S-ONE|13000000057
                    S-FULL|13000000051
                    S-TWICE|13000000051
                    S-FREES|13000000053
                    S-ORDER|13000000051
                    S-TIES|13000000051
                    S-CONFLICT|13000000051
                    S-LATE|13000000053
                    S-REFUSED|13000000053
                    S-AGAIN|13000000051
                    S-SILENT|13000000051
                    """,
                ),
                # only live links count: of S-ONE one of 1 February and one of 3 February
                Fact(
                    "participation in family numbers, by day",
                    "select to_char(day, 'YYYYMMDD'), sum(participations), sum(participants), sum(amount_fen)"
                    " from marts.participation_by_day where benefit = 'FAMILY_NUMBER' group by 1",
                    # 1 February: EDGE, ONE, FULL, TWICE, FREES, ORDER, TIES, CONFLICT, AGAIN, SILENT
                    "20260201|10|10|0\n20260202|1|1|0\n20260203|2|2|0",
                ),
                Fact(
                    "they cost nothing: no entry with money, and no line of the budget",
                    "select count(*) from ledger.ledger_entries where benefit = 'FAMILY_NUMBER'"
                    " and (budget_line is not null or amount_fen <> 0 or committed_fen <> 0 or actual_fen <> 0)",
                    "0",
                ),
                Fact(
                    "the carrier's answers are settled under the key of each row",
                    "select entry_type, count(*) from ledger.ledger_settlements where benefit = 'FAMILY_NUMBER'"
                    " group by 1",
                    # 1 February: 25 rows, less S-REFUSED and S-AGAIN; 2 February: 6, 3 February: 11; 4 February: 1
                    "accepted|41\nrefused|1",
                ),
            ],
        ),
    ],
    aside=frozenset({"eligibility"}),
)  # fmt: skip


# Where lists exclude each other, who is first gets the number; whose request fails for a reason of his own does not
# hold it. One number each.
EXCLUSIVE = Story(
    "family numbers, each in one list only",
    terms("2026-02-01", "2026-02-04", {**FAMILY, "family_numbers": {"limit": 1, "exclusive": True}}),
    [
        Day(
            "20260201",
            proves="rules 5: where lists exclude each other, the first to ask gets the number",
            arrives=[
                subscribers(EVERYBODY),
                requests("""
                # first come, first served
                Q-EDGE     S-EDGE   20260201100000 ADD F-1
                Q-ONE      S-ONE    20260201100001 ADD F-1
                # S-FULL has F-2 already: F-3 is free for S-SELF, who has no place for F-4, which S-TWICE gets
                Q-FULL-1   S-FULL   20260201090000 ADD F-2
                Q-FULL-2   S-FULL   20260201090001 ADD F-3
                Q-SELF-1   S-SELF   20260201090002 ADD F-3
                Q-SELF-2   S-SELF   20260201090003 ADD F-4
                Q-TWICE-1  S-TWICE  20260201090004 ADD F-4
                # a number given back is free again, in the same run; the request before it came too early
                Q-FREES-1  S-FREES  20260201100000 ADD F-CLOSES
                Q-THEIRS-1 S-THEIRS 20260201110000 ADD F-CLOSES
                Q-FREES-2  S-FREES  20260201120000 REMOVE F-CLOSES
                Q-THEIRS-2 S-THEIRS 20260201130000 ADD F-CLOSES
                Q-FREES-3  S-FREES  20260201140000 ADD F-PORTS
                # one's own comes first: DUPLICATE is asked before TAKEN, QUOTA before both
                Q-ORDER-1  S-ORDER  20260201100000 ADD F-NEW
                Q-ORDER-2  S-ORDER  20260201110000 ADD F-NEW
                """),
            ],
            out={"family_link": ANYTHING},
            facts=[
                decided("""
                Q-EDGE|ADD|APPROVED||S-EDGE|13000000051
                Q-ONE|ADD|TAKEN||S-ONE|13000000051
                Q-FULL-1|ADD|APPROVED||S-FULL|13000000052
                Q-FULL-2|ADD|QUOTA||S-FULL|13000000053
                Q-SELF-1|ADD|APPROVED||S-SELF|13000000053
                Q-SELF-2|ADD|QUOTA||S-SELF|13000000054
                Q-TWICE-1|ADD|APPROVED||S-TWICE|13000000054
                Q-FREES-1|ADD|APPROVED||S-FREES|13000000055
                Q-THEIRS-1|ADD|TAKEN||S-THEIRS|13000000055
                Q-FREES-2|REMOVE|REMOVED||S-FREES|13000000055
                Q-THEIRS-2|ADD|APPROVED||S-THEIRS|13000000055
                Q-FREES-3|ADD|APPROVED||S-FREES|13000000056
                Q-ORDER-1|ADD|APPROVED||S-ORDER|13000000060
                Q-ORDER-2|ADD|QUOTA||S-ORDER|13000000060
                """),
            ],
        ),
        Day(
            "20260202",
            proves="rules 5: a number of another list is TAKEN until it is given back",
            arrives=[
                subscribers(EVERYBODY),
                requests("""
                # taken in an earlier run
                Q-TIES-1  S-TIES  20260202100000 ADD F-1
                Q-EDGE-2  S-EDGE  20260202110000 REMOVE F-1
                Q-TIES-2  S-TIES  20260202120000 ADD F-1
                Q-AFTER   S-AFTER 20260202130000 ADD F-4
                """),
            ],
            out={"family_link": ANYTHING},
            facts=[
                decided("""
                Q-TIES-1|ADD|TAKEN||S-TIES|13000000051
                Q-EDGE-2|REMOVE|REMOVED||S-EDGE|13000000051
                Q-TIES-2|ADD|APPROVED||S-TIES|13000000051
                Q-AFTER|ADD|TAKEN||S-AFTER|13000000054
                """),
            ],
        ),
    ],
    aside=frozenset({"eligibility"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)


@pytest.fixture(scope="module")
def exclusive(new_play: Callable[[Story], Play]) -> Play:
    return new_play(EXCLUSIVE)


@pytest.mark.parametrize("day", EXCLUSIVE.days, ids=str)
def test_each_number_in_one_list_only(exclusive: Play, day: Day) -> None:
    exclusive.check(day)


def test_a_date_closed_again_decides_nothing_again(play: Play) -> None:
    play.reach(STORY.days[-1])
    before = play.query("select * from ledger.family_decisions order by decision_key")
    sent = play.carrier.out_bytes()
    close(play.settings, STORY.dates()[-1])
    assert play.query("select * from ledger.family_decisions order by decision_key") == before
    assert play.carrier.out_bytes() == sent


def test_the_same_from_in_and_ack_alone(play: Play, new_warehouse: Callable[[], str], tmp_path: Path) -> None:
    play.reach(STORY.days[-1])
    anew = again(STORY, new_warehouse(), play, tmp_path)
    assert anew.ledger() == play.ledger()
    assert anew.carrier.out_bytes() == play.carrier.out_bytes()
