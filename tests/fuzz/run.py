"""The coverage-guided fuzzer: `python -m tests.fuzz.run <target> <seconds> <corpus folder>`; see `make fuzz`."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["laoyouhui.feeds", "laoyouhui.exports"]):
    from tests.fuzz.targets import SEEDS, TARGETS, WORDS


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def main() -> None:
    """Fuzz one target for some seconds; a crash is written beside the corpus and ends it with an error."""
    target, seconds, corpus = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    (corpus / target).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[target]):
        (corpus / target / f"seed-{number}").write_bytes(seed)
    words = corpus / "words.dict"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in WORDS))
    options = [
        f"-max_total_time={seconds}",
        f"-dict={words}",
        f"-artifact_prefix={corpus}/crash-{target}-",
        "-max_len=4096",
        "-timeout=20",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus / target)], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
