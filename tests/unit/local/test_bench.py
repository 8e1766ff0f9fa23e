"""The benchmark's script: how it writes files, and that it decides by the campaign file's parameters."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from laoyouhui_local import bench

PUT = Path(bench.__file__).with_name("bench_plain") / "put"


def put(folder: Path, words: list[str], lines: bytes) -> None:
    subprocess.run([PUT, *words], cwd=folder, input=lines, check=True)


def test_files_hold_100_000_lines_and_have_check_files(tmp_path: Path) -> None:
    put(tmp_path, ["credit", "20260228", "2"], b"".join(b"a|%d\n" % number for number in range(100_001)))
    first, second = sorted((tmp_path / "out" / "credit").glob("*.txt"))
    raw = first.read_bytes()
    assert (raw.count(b"\n"), second.read_bytes()) == (100_000, b"a|100000\n")
    assert first.with_suffix(".chk").read_text() == (
        f"credit_lyh2026_20260228_0001.txt|{len(raw)}|100000|{hashlib.sha256(raw).hexdigest()}|{sum(range(100_000))}\n"
    )
    assert second.with_suffix(".chk").read_text().startswith("credit_lyh2026_20260228_0002.txt|9|1|")
    assert len(list((tmp_path / "out" / "credit").iterdir())) == 4


def test_no_line_is_no_file(tmp_path: Path) -> None:
    put(tmp_path, ["sms", "20260228"], b"")
    assert not list((tmp_path / "out" / "sms").iterdir())


@pytest.mark.parametrize("wrong", ["many", "1e6", "-5", "12"])
def test_n_is_a_number_of_subscribers(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("N", wrong)
    assert bench.main() == 2
