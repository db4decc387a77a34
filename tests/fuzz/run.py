"""Coverage-guided fuzzing by Atheris: ``python -m tests.fuzz.run TARGET [option …] [folder …]``.

Options and folders are libFuzzer's: ``-max_total_time=600`` for ten minutes, ``-runs=5000 -seed=1`` for the
same work each time, a folder to keep what was interesting for the next run. What fails is written to
``crash-…`` in this folder; the file, given instead of a folder, shows it again.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["townsend", "lark"]):
    from tests.fuzz.files import CLASSES, KINDS, Audiences, Rows
    from tests.fuzz.language import Texts, Trees

    from townsend.audiences.pql import parse, to_json

from tests.fuzz import seeds

__all__ = ["TARGETS", "main"]

Target = Callable[[bytes], None]
TARGETS: dict[str, Callable[[], Target]] = {
    "text": Texts,
    "json": Trees,
    "audience": Audiences,
    "rows": Rows,
}


def starts(target: str) -> list[bytes]:
    """What a target begins with."""
    if target == "audience":
        return list(seeds.audience_files())
    if target == "rows":
        return [_as_input(name, content) for name, content in seeds.row_files()]
    texts = list(seeds.definitions())
    if target == "json":
        return [json.dumps(to_json(parse(text)), default=float).encode() for text in texts]
    return [text.encode() for text in texts]


def _as_input(name: str, content: bytes) -> bytes:
    stem, _, kind = name.partition(".")
    at = next((n for n, cls in enumerate(CLASSES) if stem.startswith(cls)), 0)
    return bytes([KINDS.index(f".{kind}") if f".{kind}" in KINDS else 0, at]) + content


def mutate(data: bytes, size: int, seed: int) -> bytes:
    """Half of the time by words or parts, else by bytes."""
    rng = Random(seed)
    if rng.random() < 0.5:
        return bytes(atheris.Mutate(data, size))
    if data.startswith(b"{"):
        with suppress(ValueError, RecursionError, IndexError):
            return json.dumps(seeds.mutated_tree(json.loads(data), rng)).encode()[:size]
    text = data.decode("utf-8", "surrogateescape")
    return seeds.mutated(text, rng).encode("utf-8", "surrogateescape")[:size]


def main(words: list[str]) -> None:
    """Fuzz a target; ends the process."""
    if not words or words[0] not in TARGETS:
        sys.exit(f"name one of: {', '.join(TARGETS)}\n\n{__doc__}")
    name, *rest = words
    target = TARGETS[name]()
    with tempfile.TemporaryDirectory() as folder:
        for at, start in enumerate(starts(name)):
            (Path(folder) / f"start-{at}").write_bytes(start)
        options = [sys.argv[0], "-timeout=60", "-rss_limit_mb=4096", *rest]
        if not any(Path(word).is_file() for word in rest):
            options.append(folder)
        atheris.Setup(options, target, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
