"""Rules 2 and 3: who qualifies and why not, the eligibility file, the monthly gift and its notice.

The campaign runs from 26 January to 30 April 2025: 2025 is a common year, so that five years after 29 February 2020 is
28 February. Every parameter is the default: 5 years of tenure, since port-in and since transfer; 3 months of 5120 MB.
The city of a subscriber is its number, so that the mart by city and reason says each one's reason.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.campaign.harness import (
    ANYTHING,
    SILENT,
    Answer,
    Day,
    Fact,
    Play,
    Story,
    but,
    excepted,
    people,
    subscribers,
    terms,
)

ARRIVED = "【中国联通】老友惠赠送的5GB流量已到账。"

LAUNCH = people("""
# qualify on 26 January (2: a + y years <= d, so the anniversary itself counts)
S-OLD        01
S-FOUNDED    02 activation_date=19940719   # the founding day itself
S-EXACT      03 activation_date=20200126
S-PORT5      04 port_in_date=20200126      # exactly 5 years ago is not fewer than 5
S-OWNER5     05 owner_since=20200126
S-MISS       06
S-GONE       07
S-REVIEW     08
# one reason each
S-BEFORE     11 activation_date=19940718   # the day before the founding
S-NODATE     12 activation_date=
S-FUTURE     13 activation_date=20250127   # in the future of 26 January, not of 27 January
S-SUSPENDED  14 status=S
S-CLOSED     15 status=C
S-PORTED     16 status=P
S-BUSINESS   17 segment=BUSINESS
S-IOT        18 segment=IOT
S-TEST       19 segment=TEST
S-STAFF      20 segment=STAFF
S-DEALER     21 segment=DEALER
S-UNVERIFIED 22 real_name=N
S-SECOND     23 card_role=SECONDARY
S-YOUNG      24 activation_date=20200127   # a day short
S-PORTIN     25 port_in_date=20200127
S-OWNER      26 owner_since=20200127
S-UNSURE     27 activation_date=20200127
# the first reason in order wins: each fails what stands here and everything that is checked after it
S-FAIL1      31 activation_date=20990101 status=S segment=IOT real_name=N card_role=SECONDARY port_in_date=20240101 owner_since=20240101
S-FAIL2      32 activation_date=20230101 status=S segment=IOT real_name=N card_role=SECONDARY port_in_date=20240101 owner_since=20240101
S-FAIL3      33 activation_date=20230101 segment=IOT real_name=N card_role=SECONDARY port_in_date=20240101 owner_since=20240101
S-FAIL4      34 activation_date=20230101 real_name=N card_role=SECONDARY port_in_date=20240101 owner_since=20240101
S-FAIL5      35 activation_date=20230101 card_role=SECONDARY port_in_date=20240101 owner_since=20240101
S-FAIL6      36 activation_date=20230101 port_in_date=20240101 owner_since=20240101
S-FAIL7      37 port_in_date=20240101 owner_since=20240101
# reach it in mid-campaign
S-FEB1       41 activation_date=20200201
S-FEB29      42 activation_date=20200229
S-PORT29     43 port_in_date=20200229
S-OWNER29    44 owner_since=20200229
S-MAR1       45 activation_date=20200301
""")  # noqa: E501
JAN26 = LAUNCH | people("S-NEW 48")  # was in no delivery before: UNKNOWN until now
JAN27 = but(
    JAN26,
    """
    S-MISS   status=S status_date=20250127
    S-UNSURE status=S status_date=20250127
    S-REVIEW activation_date=20240101      # corrected: takes nothing back by itself, but is no longer 5 years
    """,
)
FEB27 = but(JAN27, "S-MISS status=A status_date=20250227\nS-GONE gone")

REASONS = Fact(
    "reason of each city, judged as 26 January begins",
    "select city_code, reason, subscribers from marts.eligibility_by_city_reason where judged_for = date '2025-01-26'"
    " and subscribers > 0",
    """
    1001|ELIGIBLE|1
    1002|ELIGIBLE|1
    1003|ELIGIBLE|1
    1004|ELIGIBLE|1
    1005|ELIGIBLE|1
    1006|ELIGIBLE|1
    1007|ELIGIBLE|1
    1008|ELIGIBLE|1
    1011|BAD_DATE|1
    1012|BAD_DATE|1
    1013|BAD_DATE|1
    1014|NOT_ACTIVE|1
    1015|NOT_ACTIVE|1
    1016|NOT_ACTIVE|1
    1017|SEGMENT|1
    1018|SEGMENT|1
    1019|SEGMENT|1
    1020|SEGMENT|1
    1021|SEGMENT|1
    1022|NOT_VERIFIED|1
    1023|SECONDARY|1
    1024|TENURE|1
    1025|PORTED_IN|1
    1026|OWNER_CHANGED|1
    1027|TENURE|1
    1031|BAD_DATE|1
    1032|NOT_ACTIVE|1
    1033|SEGMENT|1
    1034|NOT_VERIFIED|1
    1035|SECONDARY|1
    1036|TENURE|1
    1037|PORTED_IN|1
    1041|TENURE|1
    1042|TENURE|1
    1043|PORTED_IN|1
    1044|OWNER_CHANGED|1
    1045|TENURE|1
    """,
)
DATA_ERRORS = excepted(
    "subscribers with a data error in the exceptions (2: BAD_DATE is also listed)",
    "S-BEFORE S-NODATE S-FUTURE S-FAIL1 S-OLD S-YOUNG S-SUSPENDED",
    "S-BEFORE S-NODATE S-FUTURE S-FAIL1",
)

STORY = Story(
    "who qualifies",
    terms("2025-01-26", "2025-04-30", {"messages": {"templates": [
        {"code": "GIFT_ARRIVED", "class": "service", "event": "data_gift",
         "text": "【中国联通】老友惠赠送的{gigabytes}GB流量已到账。"},
    ]}}),
    [
        # 2: the eligibility file is first in the run that closes the day before the campaign: nothing leaves earlier
        Day(
            "20250124",
            proves="rules 2: no eligibility file leaves before the run that closes the day before the campaign",
            arrives=[subscribers(LAUNCH)],
        ),
        Day(
            "20250125",
            proves="rules 2, 3: the first failing reason stands, and who qualifies gets January's gift",
            arrives=[subscribers(LAUNCH)],
            out={
                "eligibility": """
                    S-EXACT|13000000003|ADD|20250126|ELIGIBLE
                    S-FOUNDED|13000000002|ADD|20250126|ELIGIBLE
                    S-GONE|13000000007|ADD|20250126|ELIGIBLE
                    S-MISS|13000000006|ADD|20250126|ELIGIBLE
                    S-OLD|13000000001|ADD|20250126|ELIGIBLE
                    S-OWNER5|13000000005|ADD|20250126|ELIGIBLE
                    S-PORT5|13000000004|ADD|20250126|ELIGIBLE
                    S-REVIEW|13000000008|ADD|20250126|ELIGIBLE
                """,
                # 3: a campaign that starts within a month decides that month as it begins; valid to the month's last
                # day
                "data_grant": """
                    exact.jan|S-EXACT|13000000003|LYHMLD5G|5120|20250126|20250131
                    founded.jan|S-FOUNDED|13000000002|LYHMLD5G|5120|20250126|20250131
                    gone.jan|S-GONE|13000000007|LYHMLD5G|5120|20250126|20250131
                    miss.jan|S-MISS|13000000006|LYHMLD5G|5120|20250126|20250131
                    old.jan|S-OLD|13000000001|LYHMLD5G|5120|20250126|20250131
                    owner5.jan|S-OWNER5|13000000005|LYHMLD5G|5120|20250126|20250131
                    port5.jan|S-PORT5|13000000004|LYHMLD5G|5120|20250126|20250131
                    review.jan|S-REVIEW|13000000008|LYHMLD5G|5120|20250126|20250131
                """,
            },
            answers={
                "eligibility": Answer({"S-FOUNDED": "90"}),
                # 90 try again; 20 accepted before, so accepted; 10 refused
                "data_grant": Answer({"S-FOUNDED": "90", "S-PORT5": "20", "S-OWNER5": "10"}),
            },
            facts=[REASONS, DATA_ERRORS],
        ),
        Day(
            "20250126",
            proves="rules 2, 3: who reaches 5 years joins from then, and a notice follows the acceptance",
            arrives=[subscribers(JAN26)],
            out={
                # 2: who reaches 5 years on 27 January joins from then; the refused add comes again; nobody else
                "eligibility": """
                    S-FOUNDED|13000000002|ADD|*|ELIGIBLE
                    S-NEW|13000000048|ADD|20250127|ELIGIBLE
                    S-OWNER|13000000026|ADD|20250127|ELIGIBLE
                    S-PORTIN|13000000025|ADD|20250127|ELIGIBLE
                    S-UNSURE|13000000027|ADD|20250127|ELIGIBLE
                    S-YOUNG|13000000024|ADD|20250127|ELIGIBLE
                """,
                # 3: first qualifying after the month was decided starts with the next month; the refused gift keeps
                # its key
                "data_grant": "founded.jan|S-FOUNDED|13000000002|LYHMLD5G|5120|20250126|20250131",
                # 3: the notice only after the acceptance: not S-FOUNDED (90), not S-OWNER5 (10); S-PORT5 (20) counts
                "sms": f"""
                    exact.jan.sms|13000000003|GIFT_ARRIVED|20250127080000|20250127200000|1|{ARRIVED}
                    gone.jan.sms|13000000007|GIFT_ARRIVED|20250127080000|20250127200000|1|{ARRIVED}
                    miss.jan.sms|13000000006|GIFT_ARRIVED|20250127080000|20250127200000|1|{ARRIVED}
                    old.jan.sms|13000000001|GIFT_ARRIVED|20250127080000|20250127200000|1|{ARRIVED}
                    port5.jan.sms|13000000004|GIFT_ARRIVED|20250127080000|20250127200000|1|{ARRIVED}
                    review.jan.sms|13000000008|GIFT_ARRIVED|20250127080000|20250127200000|1|{ARRIVED}
                """,
            },
            answers={"eligibility": SILENT},  # 27 January's adds are never answered
            facts=[
                Fact(
                    "reason of S-FUTURE on 27 January: activated that day is no longer the future, but no tenure",
                    "select reason, subscribers from marts.eligibility_by_city_reason"
                    " where judged_for = date '2025-01-27' and city_code = '1013' and subscribers > 0",
                    "TENURE|1",
                ),
                excepted("a refused gift is an exception for people", "S-OWNER5 S-PORT5", "S-OWNER5"),
            ],
        ),
        Day(
            "20250127",
            proves="rules 2: who fails is removed from the channels, and a corrected date is listed for review",
            arrives=[subscribers(JAN27)],
            out={
                # only changes; an unanswered add is not sent again, but what may stand at the carrier is taken out
                "eligibility": """
                    S-MISS|13000000006|REMOVE|20250128|NOT_ACTIVE
                    S-REVIEW|13000000008|REMOVE|20250128|TENURE
                    S-UNSURE|13000000027|REMOVE|20250128|NOT_ACTIVE
                """,
                "sms": f"founded.jan.sms|13000000002|GIFT_ARRIVED|20250128080000|20250128200000|1|{ARRIVED}",
            },
            facts=[
                excepted("a corrected activation date is listed for review (2)", "S-REVIEW S-OLD", "S-REVIEW"),
            ],
        ),
        Day(
            "20250131",
            proves="rules 3: a month's gift is decided as the month begins, of the suspended it is lost",
            arrives=[subscribers(JAN27)],
            out={
                "eligibility": "S-FEB1|13000000041|ADD|20250201|ELIGIBLE",
                # 3: as February begins, tenure counted to the 1st; S-MISS is suspended: lost; S-OWNER5's refusal was
                # January's
                "data_grant": """
                    exact.feb|S-EXACT|13000000003|LYHMLD5G|5120|20250201|20250228
                    feb1.feb|S-FEB1|13000000041|LYHMLD5G|5120|20250201|20250228
                    founded.feb|S-FOUNDED|13000000002|LYHMLD5G|5120|20250201|20250228
                    gone.feb|S-GONE|13000000007|LYHMLD5G|5120|20250201|20250228
                    new.feb|S-NEW|13000000048|LYHMLD5G|5120|20250201|20250228
                    old.feb|S-OLD|13000000001|LYHMLD5G|5120|20250201|20250228
                    owner.feb|S-OWNER|13000000026|LYHMLD5G|5120|20250201|20250228
                    owner5.feb|S-OWNER5|13000000005|LYHMLD5G|5120|20250201|20250228
                    port5.feb|S-PORT5|13000000004|LYHMLD5G|5120|20250201|20250228
                    portin.feb|S-PORTIN|13000000025|LYHMLD5G|5120|20250201|20250228
                    young.feb|S-YOUNG|13000000024|LYHMLD5G|5120|20250201|20250228
                """,
            },
            answers={"data_grant": SILENT},
        ),
        Day(
            "20250227",
            proves="rules 2: in a common year the anniversary of 29 February is 28 February",
            arrives=[subscribers(FEB27)],
            out={
                # 2: in a common year the anniversary of 29 February is 28 February, for tenure, port-in and transfer
                # alike
                "eligibility": """
                    S-FEB29|13000000042|ADD|20250228|ELIGIBLE
                    S-GONE|13000000007|REMOVE|20250228|UNKNOWN
                    S-MISS|13000000006|ADD|20250228|ELIGIBLE
                    S-OWNER29|13000000044|ADD|20250228|ELIGIBLE
                    S-PORT29|13000000043|ADD|20250228|ELIGIBLE
                """,
                # February's gifts were never answered: not sent again, and no notice
            },
        ),
        Day(
            "20250228",
            proves="rules 3: who first qualifies after the 1st starts with the next month",
            arrives=[subscribers(FEB27)],
            out={
                "eligibility": "S-MAR1|13000000045|ADD|20250301|ELIGIBLE",
                # S-MISS: the third of its months. S-FEB29 and its like first qualified after 1 February: they start now
                "data_grant": """
                    exact.mar|S-EXACT|13000000003|LYHMLD5G|5120|20250301|20250331
                    feb1.mar|S-FEB1|13000000041|LYHMLD5G|5120|20250301|20250331
                    feb29.mar|S-FEB29|13000000042|LYHMLD5G|5120|20250301|20250331
                    founded.mar|S-FOUNDED|13000000002|LYHMLD5G|5120|20250301|20250331
                    mar1.mar|S-MAR1|13000000045|LYHMLD5G|5120|20250301|20250331
                    miss.mar|S-MISS|13000000006|LYHMLD5G|5120|20250301|20250331
                    new.mar|S-NEW|13000000048|LYHMLD5G|5120|20250301|20250331
                    old.mar|S-OLD|13000000001|LYHMLD5G|5120|20250301|20250331
                    owner.mar|S-OWNER|13000000026|LYHMLD5G|5120|20250301|20250331
                    owner29.mar|S-OWNER29|13000000044|LYHMLD5G|5120|20250301|20250331
                    owner5.mar|S-OWNER5|13000000005|LYHMLD5G|5120|20250301|20250331
                    port29.mar|S-PORT29|13000000043|LYHMLD5G|5120|20250301|20250331
                    port5.mar|S-PORT5|13000000004|LYHMLD5G|5120|20250301|20250331
                    portin.mar|S-PORTIN|13000000025|LYHMLD5G|5120|20250301|20250331
                    young.mar|S-YOUNG|13000000024|LYHMLD5G|5120|20250301|20250331
                """,
            },
        ),
        Day(
            "20250331",
            proves="rules 3: gifts end after three months, a month missed is one of them",
            arrives=[subscribers(FEB27)],
            out={
                # three months only, the missed one counted: whoever began in January has had them, S-MISS too
                "data_grant": """
                    feb1.apr|S-FEB1|13000000041|LYHMLD5G|5120|20250401|20250430
                    feb29.apr|S-FEB29|13000000042|LYHMLD5G|5120|20250401|20250430
                    mar1.apr|S-MAR1|13000000045|LYHMLD5G|5120|20250401|20250430
                    new.apr|S-NEW|13000000048|LYHMLD5G|5120|20250401|20250430
                    owner.apr|S-OWNER|13000000026|LYHMLD5G|5120|20250401|20250430
                    owner29.apr|S-OWNER29|13000000044|LYHMLD5G|5120|20250401|20250430
                    port29.apr|S-PORT29|13000000043|LYHMLD5G|5120|20250401|20250430
                    portin.apr|S-PORTIN|13000000025|LYHMLD5G|5120|20250401|20250430
                    young.apr|S-YOUNG|13000000024|LYHMLD5G|5120|20250401|20250430
                """,
                "sms": ANYTHING,
            },
        ),
        Day(
            "20250430",
            proves="rules 2: the run that closes the last day removes everyone",
            arrives=[subscribers(FEB27)],
            out={
                # 2: the last file, in the run that closes the last day, removes everyone; no gift as May begins
                "eligibility": """
                    S-EXACT|13000000003|REMOVE|20250501|WINDOW
                    S-FEB1|13000000041|REMOVE|20250501|WINDOW
                    S-FEB29|13000000042|REMOVE|20250501|WINDOW
                    S-FOUNDED|13000000002|REMOVE|20250501|WINDOW
                    S-MAR1|13000000045|REMOVE|20250501|WINDOW
                    S-MISS|13000000006|REMOVE|20250501|WINDOW
                    S-NEW|13000000048|REMOVE|20250501|WINDOW
                    S-OLD|13000000001|REMOVE|20250501|WINDOW
                    S-OWNER|13000000026|REMOVE|20250501|WINDOW
                    S-OWNER29|13000000044|REMOVE|20250501|WINDOW
                    S-OWNER5|13000000005|REMOVE|20250501|WINDOW
                    S-PORT29|13000000043|REMOVE|20250501|WINDOW
                    S-PORT5|13000000004|REMOVE|20250501|WINDOW
                    S-PORTIN|13000000025|REMOVE|20250501|WINDOW
                    S-YOUNG|13000000024|REMOVE|20250501|WINDOW
                """,
                "sms": ANYTHING,
            },
        ),
        Day("20250501", proves="rules 2: after the last day nothing leaves", arrives=[subscribers(FEB27)]),
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def play(new_play: Callable[[Story], Play]) -> Play:
    return new_play(STORY)


@pytest.mark.parametrize("day", STORY.days, ids=str)
def test_rule(play: Play, day: Day) -> None:
    play.check(day)
