"""A benefit is files, and a line in each list that unites: docs/how-to-add-a-benefit.md, in a copy of the project.

The story runs in a process of its own, whose package is the copy's: the class that judges the section stands there
alone. The campaign runs from 30 January to 31 March 2026, and line B1 has 600 fen: a pack for the weekend costs 100,
one for the holidays 500.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import yaml
from tests.campaign.harness import HOME, Answer, Day, Fact, File, Play, Story, costs, people, subscribers, terms
from tests.project import blocks, copy_dbt_project, do

PAGE = "docs/how-to-add-a-benefit.md"
WHO = people("""
S-OLD 01
S-NEW 02 activation_date=20240110
S-TWO 03
""")


def asks(text: str) -> File:
    """A `data_pack_request` delivery: request, subscriber, time, pack."""
    return File("data_pack_request", ["|".join(line.split()) for line in text.strip().splitlines()])


def decided(rows: str) -> Fact:
    """What this run has decided: request, reason, reasons of rules 2 that fail."""
    return Fact(
        "requests decided in this run (request|reason|not eligible because)",
        "select request_id, reason, array_to_string(ineligibility_reasons, ' ') from ledger.data_pack_decisions"
        " where business_date = {on}",
        rows,
    )


def told(request: str, rows: str) -> Fact:
    """What `ledger.reasons` says of a decision: step, rule, outcome, reason, input."""
    return Fact(
        f"reasons of {request} (step|rule|outcome|reason|input)",
        f"select step_no, rule, outcome, reason, input from ledger.reasons where subject_id = '{request}'",
        rows,
    )


LEDGER = Fact(
    "entries (subscriber|entry|event|booked|megabytes|committed|actual|participation)",
    "select subscriber_id, entry_type, event_on, booked_on, megabytes, committed_fen, actual_fen, participation"
    " from ledger.ledger_entries where benefit = 'DATA_PACK'",
    """
    S-OLD|promised|2026-01-30|2026-01-30|2048|100|0|ASKED
    S-OLD|accepted|2026-01-31|2026-01-31||-100|100|
    S-TWO|promised|2026-01-31|2026-01-31|2048|100|0|ASKED
    S-TWO|accepted|2026-02-02|2026-02-02||-100|100|      # sent again on the 1st
    S-TWO|reversed|2026-02-02|2026-02-02||0|0|UNDONE     # what it cost stays
    S-TWO|promised|2026-01-31|2026-02-02|2048|100|0|ASKED
    """,
)
STORY = Story(
    "data packs",
    {},
    aside=frozenset({"eligibility"}),
    days=[
        Day("20260129", proves="set-up: everybody is in the snapshot", arrives=[subscribers(WHO)]),
        Day(
            "20260130",
            proves="rules 4.10, 1.5: of a request one content is decided, by each reason in its order",
            arrives=[
                subscribers(WHO),
                asks("""
                    Q-LATER  S-OLD 20260130110000 HOLIDAY
                    Q-FIRST  S-OLD 20260130100000 WEEKEND
                    Q-NEW    S-NEW 20260130100000 WEEKEND
                    Q-NONE   S-TWO 20260130100000 MONTHLY
                    Q-BEFORE S-TWO 20260129235959 WEEKEND
                    Q-TWICE  S-TWO 20260130100000 WEEKEND
                    Q-TWICE  S-TWO 20260130100000 HOLIDAY
                """),
            ],
            out={"data_grant": "G-FIRST|S-OLD|13000000001|LYHPACK2|2048|20260131|20260201"},
            facts=[
                decided("""
                    Q-FIRST|GRANTED|
                    Q-LATER|LIMIT|
                    Q-NEW|NOT_ELIGIBLE|TENURE
                    Q-NONE|PACK|
                    Q-BEFORE|WINDOW|
                    Q-TWICE|CONFLICT|
                """),
                told(
                    "Q-LATER",
                    """
                    1|CONFLICT|passed||rows of Q-LATER with other content
                    2|WINDOW|passed||requested 2026-01-30 11:00:00, campaign 2026-01-30 to 2026-03-31
                    3|LATE|passed||in data_pack_request_20260130_0001.txt, honoured until 2026-04-10
                    4|PACK|passed||pack HOLIDAY
                    5|NOT_ELIGIBLE|passed||qualifies
                    6|EXCLUSIVE|passed||granted by no other campaign
                    7|LIMIT|failed||2026-01: 1 allowed
                    8|CAP|not asked||asks 5.00 yuan of B1
                    9|DECISION|REFUSED|LIMIT|10240 MB for 7 days
                    """,
                ),
            ],
        ),
        Day(
            "20260131",
            proves="rules 12: of an id with other content what was decided stands",
            # Q-FIRST as it was, and Q-NEW with another pack: neither is decided again
            arrives=[
                subscribers(WHO),
                asks("""
                    Q-FIRST S-OLD 20260130100000 WEEKEND
                    Q-NEW   S-NEW 20260130100000 HOLIDAY
                    Q-TWO   S-TWO 20260131100000 WEEKEND
                """),
            ],
            out={"data_grant": "G-TWO|S-TWO|13000000003|LYHPACK2|2048|20260201|20260202"},
            answers={"data_grant": Answer(refuse={"S-TWO": "90"})},
            facts=[
                decided("Q-TWO|GRANTED|"),
                Fact(
                    "conflicts (type|request|what stands)",
                    "select exception_type, item_key, detail from marts.exceptions where item_key like 'Q-%'",
                    """
                    DATA_PACK_REQUEST_CONFLICT|Q-TWICE|the same id with other content: none of its rows counts
                    DATA_PACK_REQUEST_CONFLICT|Q-TWICE|the same id with other content: none of its rows counts
                    DATA_PACK_REQUEST_CONFLICT|Q-NEW|the same id with other content: """
                    "data_pack_request_20260130_0001.txt line 3 stands",
                ),
            ],
        ),
        Day(
            "20260201",
            proves="rules 10.1: a pack that the budget cannot bear waits",
            arrives=[
                subscribers(WHO),
                asks("""
                    Q-AGAIN S-TWO 20260131230000 WEEKEND
                    Q-NEXT  S-OLD 20260201080000 HOLIDAY
                """),
            ],
            # the pack that the carrier wants again begins anew; 600 - 200 fen are too little for another month's
            out={"data_grant": "G-TWO|S-TWO|13000000003|LYHPACK2|2048|20260202|20260203"},
            facts=[
                decided("""
                    Q-AGAIN|LIMIT|
                    Q-NEXT|GRANTED|
                """),
                Fact(
                    "waits for the budget",
                    "select subscriber_id, amount_fen, funded_on from ledger.waiting_list",
                    "S-OLD|500|",
                ),
            ],
        ),
        Day(
            "20260202",
            proves="rules 12: what a withdrawn request held goes to the next in order",
            # Q-TWO was in no other delivery: its slot goes to Q-AGAIN; Q-FIRST stands in the first one still
            says={"withdraw data_pack_request data_pack_request_20260131_0001.txt": ""},
            arrives=[subscribers(WHO), asks("")],
            out={"data_grant": "G-AGAIN|S-TWO|13000000003|LYHPACK2|2048|20260203|20260204"},
            facts=[
                decided("Q-AGAIN|GRANTED|"),
                LEDGER,
                costs("B1", "two packs are accepted, one is under way", "100|200"),
                Fact(
                    "participations",
                    "select benefit, sum(participations) from marts.participation_by_day group by 1",
                    "DATA_PACK|2",
                ),
            ],
        ),
    ],
)
# what `make why SUBSCRIBER=S-NEW ON=2026-01-30` says of the request, blanks made one
WHY = """
lyh2026 DATA_PACK Q-NEW, 2026-01-30; terms lyh2026@2026-01-30; run closing 2026-01-30; \
data_pack_request_20260130_0001.txt line 3
step rules rule outcome input
1 12 CONFLICT passed rows of Q-NEW with other content
2 1 WINDOW passed requested 2026-01-30 10:00:00, campaign 2026-01-30 to 2026-03-31
3 1 LATE passed in data_pack_request_20260130_0001.txt, honoured until 2026-04-10
4 packs PACK passed pack WEEKEND
5 2 NOT_ELIGIBLE failed TENURE
6 1.9 EXCLUSIVE not asked granted by no other campaign
7 packs LIMIT not asked 2026-01: 1 allowed
8 10 CAP not asked asks 1.00 yuan of B1
9 packs DECISION REFUSED (NOT_ELIGIBLE) 2048 MB for 2 days
"""


def test_the_how_to_page_adds_a_benefit(tmp_path: Path, new_database: Callable[[], str]) -> None:
    project = copy_dbt_project(tmp_path / "project", "plugins")
    for block in blocks(PAGE):
        if block.path != "campaign":
            do(block, project, {})
    run = subprocess.run(
        [sys.executable, "-m", "tests.campaign.test_add_a_benefit", str(project), str(tmp_path), new_database()],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(project / "plugins"), str(HOME)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, (run.stdout + run.stderr)[-6000:]
    said = "\n".join(" ".join(line.split()) for line in run.stdout.splitlines())
    assert WHY in f"{said}\n"


def test_the_how_to_page_says_how_much_the_example_takes() -> None:
    """It adds files, and of the files that stand only lists change: by lines more."""
    changes = [block for block in blocks(PAGE) if block.path != "campaign"]
    added = [block for block in changes if block.kind != "diff"]
    lines = [line for block in changes if block.kind == "diff" for line in block.text.splitlines()]
    more = [line for line in lines if line.startswith("+")]
    assert not [line for line in lines if line.startswith("-")]
    changed = {block.path for block in changes if block.kind == "diff"}
    (said,) = re.findall(
        r"The example is (\d+) new files and (\d+) lines in (\d+) files that stand",
        (HOME / PAGE).read_text("utf-8"),
    )
    assert tuple(map(int, said)) == (len(added), len(more), len(changed))
    (rule,) = [block for block in added if block.path.endswith("_rule.sql")]
    assert len(rule.text.splitlines()) <= 80


def main(project: Path, folder: Path, dsn: str) -> None:
    """Play the story in the copy of the project."""
    from laoyouhui import config
    from laoyouhui_local import why

    assert Path(config.__file__).is_relative_to(project)
    (section,) = [yaml.safe_load(block.text) for block in blocks(PAGE) if block.path == "campaign"]
    first = {"data_gift": None, "recharge": None, "caps": {"B1": 600}, **section}
    play = Play(replace(STORY, campaign=terms("2026-01-30", "2026-03-31", first)), folder, dsn)
    play.settings = replace(play.settings, home=project)
    for day in STORY.days:
        play.check(day)
    why.main(dsn, {"SUBSCRIBER": "S-NEW", "ON": "2026-01-30"})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
