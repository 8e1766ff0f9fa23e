"""Answers of the carrier: read whole or refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laoyouhui.feeds.answers import Answer, AnswerError, AnswerRow, parse_answer

STEM = "credit_lyh2026_20260204_0001"
KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("ending", ["", ".txt", ".txt.gz"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_right(ending: str, end: bytes) -> None:
    assert parse_answer(f"{STEM}{ending}|RIGHT|12|0".encode() + end) == Answer(STEM, "RIGHT", 12, 0, None, ())


def test_bad_carries_its_code() -> None:
    assert parse_answer(f"{STEM}.txt|BAD|0|12|30\n".encode()) == Answer(STEM, "BAD", 0, 12, "30", ())


def test_semiwrong_lists_the_refused_rows_with_chinese_messages() -> None:
    # 億 and 墊 hold the byte of `|` in GB18030, 𠮷 takes four bytes.
    raw = f"{STEM}.txt|SEMIWRONG|10|2\n{KEY}|10|用户不存在:億墊𠮷\n{KEY[::-1]}|90|\n".encode("gb18030")
    assert parse_answer(raw).rows == (AnswerRow(KEY, "10", "用户不存在:億墊𠮷"), AnswerRow(KEY[::-1], "90", ""))


def test_a_message_of_broken_bytes_loses_no_row() -> None:
    raw = f"{STEM}|SEMIWRONG|0|1\n{KEY}|10|".encode() + b"\xff\x00\xfe\n"
    (row,) = parse_answer(raw).rows
    assert (row.key, row.code, "\0" in row.message) == (KEY, "10", False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "HEADER"),
        (f"{STEM}|RIGHT|12", "HEADER"),
        (f"{STEM}|RIGHT|12|0|30", "HEADER"),
        (f"{STEM}|BAD|0|12", "HEADER"),
        (f"{STEM}|RIGHT|1e3|0", "HEADER"),
        (f"{STEM}|RIGHT|-1|0", "HEADER"),
        (f"{STEM}|RIGHT|１２|0", "HEADER"),
        (f"../{STEM}|RIGHT|12|0", "NAME"),
        ("|RIGHT|12|0", "NAME"),
        (f"{STEM}|right|12|0", "STATUS"),
        (f"{STEM}|RIGHT|11|1", "COUNT"),
        (f"{STEM}|BAD|1|11|30", "COUNT"),
        (f"{STEM}|SEMIWRONG|12|0", "COUNT"),
        (f"{STEM}|SEMIWRONG|10|2\n{KEY}|10|m", "COUNT"),
        (f"{STEM}|SEMIWRONG|11|1\n{KEY}|10|m\n{KEY[::-1]}|10|m", "COUNT"),
        (f"{STEM}|RIGHT|12|0\n{KEY}|10|m", "COUNT"),
        (f"{STEM}|SEMIWRONG|11|1\n{KEY}|10", "ROW"),
        (f"{STEM}|SEMIWRONG|11|1\n|10|m", "ROW"),
        (f"{STEM}|SEMIWRONG|10|2\n{KEY}|10|m\n{KEY}|20|m", "KEY"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(AnswerError) as caught:
        parse_answer(text.encode("gb18030"))
    assert caught.value.reason == reason
    assert caught.value.detail


def _answer_like() -> st.SearchStrategy[bytes]:
    field = st.one_of(
        st.sampled_from([STEM.encode(), b"RIGHT", b"BAD", b"SEMIWRONG", b"0", b"1", b"2", KEY.encode()]),
        st.binary(max_size=6),
    )
    return st.lists(st.lists(field, max_size=5).map(b"|".join), max_size=4).map(b"\n".join)


@given(st.one_of(st.binary(), _answer_like()))
def test_any_bytes_give_an_answer_or_a_reason(raw: bytes) -> None:
    try:
        answer = parse_answer(raw)
    except AnswerError as error:
        assert error.reason in {"HEADER", "NAME", "STATUS", "COUNT", "ROW", "KEY"}  # noqa: PT017
        return
    assert len(answer.rows) == (answer.rows_failed if answer.status == "SEMIWRONG" else 0)
    assert len({row.key for row in answer.rows}) == len(answer.rows)
    for text in (answer.stem, answer.code or "", *(part for row in answer.rows for part in row)):
        assert "\0" not in text
        text.encode()  # PostgreSQL takes it: no lone surrogates


@given(
    st.data(),
    st.lists(
        st.tuples(
            st.sampled_from(["10", "20", "90"]), st.text(st.characters(codec="gb18030", exclude_characters="\n\r"))
        ),
        min_size=1,
        max_size=5,
    ),
)
def test_what_a_carrier_writes_is_read_and_a_cut_is_noticed(
    data: st.DataObject, refused: list[tuple[str, str]]
) -> None:
    lines = [f"{number:032x}|{code}|{message}" for number, (code, message) in enumerate(refused)]
    raw = "".join(f"{line}\n" for line in [f"{STEM}.txt|SEMIWRONG|7|{len(lines)}", *lines]).encode("gb18030")
    answer = parse_answer(raw)
    assert [(row.key, row.code) for row in answer.rows] == [(f"{n:032x}", code) for n, (code, _) in enumerate(refused)]
    last_line_begins = raw.rstrip(b"\n").rfind(b"\n") + 1
    with pytest.raises(AnswerError):
        parse_answer(raw[: data.draw(st.integers(0, last_line_begins + 34))])
