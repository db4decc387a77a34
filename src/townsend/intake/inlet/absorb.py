"""Accepted requests into facts: the rows of many in one transaction, with the log's offset.

A repeat changes nothing: an event without an id gets one from its place in the log, so a request that is
absorbed again after a crash says the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from townsend.intake.inlet import collection, segment
from townsend.intake.inlet.messages import Entry, Message, decoded
from townsend.intake.items import canonical, plain
from townsend.intake.load import class_of, ready, take_batch
from townsend.intake.rows import line_batches
from townsend.intake.rules import Accepted, IntakeRules, SourceTraits
from townsend.intake.takes import begin_take, end_take
from townsend.problem import Invalid
from townsend.store import quarantine
from townsend.store.facts import Facts
from townsend.store.quarantine import Refusal
from townsend.store.wal_segment import Damage

__all__ = ["OFFSET", "Request", "absorb_requests", "quarantine_damage", "quarantine_request", "read_request"]

OFFSET = "wal.offset"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Request(NamedTuple):
    """An accepted request and its number in the log."""

    seq: int
    entry: Entry


def read_request(entry: Entry, cls: str) -> list[list[Message] | Invalid]:
    """The rows of each message of a request, in order; for one that can't be read, why.

    Args:
        cls: the inlet's class.

    Raises:
        Invalid: ``inlet.*`` if the body as a whole can't be read.
    """
    if entry.form == "segment":
        received = _EPOCH + timedelta(milliseconds=entry.received_ms)
        found = segment.calls(entry.body, entry.kind, entry.inlet, received)
        return [
            one if isinstance(one, Invalid) else [replace(row, row=plain(row.row)) for row in one]
            for one in found
        ]
    if entry.form == "collection":
        return [[collection.single(entry.body, cls)]]
    read = collection.batch if entry.form == "batch" else collection.lines
    return [one if isinstance(one, Invalid) else [one] for one in read(entry.body, cls)]


def absorb_requests(
    facts: Facts,
    rules: IntakeRules,
    classes: Mapping[str, str],
    traits: Callable[[str], SourceTraits],
    requests: Sequence[Request],
    offset: int | None,
) -> Accepted:
    """Take the rows of requests, in one transaction.

    Args:
        classes: inlet to the class of its rows.
        traits: how the rows of an inlet are to be taken.
        offset: the number in the log up to which all is absorbed then; None to leave it as it was.
    """
    lots, refused = _lots(classes, requests)
    entities = {cls: class_of(rules, cls) for _, cls, _, _ in lots}
    ready(facts, rules, entities.values())
    total = Accepted()
    with facts.transaction():
        for (inlet, cls, patch, now_ms), rows in lots.items():
            source = replace(traits(inlet), rows="patch") if patch else traits(inlet)
            take = begin_take(facts, inlet, cls, f"inlet/{inlet}", now_ms)
            taken = Accepted()
            lines = ((n, place, text) for n, (place, text) in enumerate(rows, 1))
            for batch in line_batches(entities[cls], rules.open, lines):
                taken += take_batch(facts, rules, entities[cls], batch, source, now_ms, take)
            end_take(facts, take, taken, None, None)
            _forget_takes(facts, inlet, cls, take)
            total += taken
        for inlet, received_ms, refusal in refused:
            quarantine.put(facts, "event", inlet, [refusal], "{}", received_ms)
            total += Accepted(rows=1, quarantined=1)
        if offset is not None:
            facts.set_meta(OFFSET, str(offset))
    return total


def quarantine_request(facts: Facts, request: Request, why: str, offset: int | None) -> None:
    """Keep a request that could not be taken, for a reason that no check foresees; ``offset`` as above."""
    body = request.entry.body.decode("utf-8", "backslashreplace")
    place = f"inlet/{request.entry.inlet}#{request.seq}"
    todo = "report it with what was sent, and send it again once the reason is gone"
    refusal = Refusal(place, None, "row.poisoned", "a row that can be taken", why, todo, body)
    with facts.transaction():
        quarantine.put(facts, "event", request.entry.inlet, [refusal], "{}", request.entry.received_ms)
        if offset is not None:
            facts.set_meta(OFFSET, str(offset))


def quarantine_damage(facts: Facts, damage: Damage, at_ms: int) -> None:
    """Report a part of the log that cannot be read; its bytes stay in a file beside the log."""
    place = f"wal/{damage.path.name}@{damage.at}"
    expected, got = "an entry with a right checksum", f"{len(damage.bytes):,} bytes that are none"
    todo = "look at the disk; send again what was accepted then"
    kept = f"{damage.path.stem}-{damage.at}.damaged"
    refusal = Refusal(place, None, "row.damaged", expected, got, todo, kept)
    with facts.transaction():
        quarantine.put(facts, "event", "wal", [refusal], "{}", at_ms)


def _forget_takes(facts: Facts, inlet: str, cls: str, take: int) -> None:
    """Of an inlet's takes only the last stays written down: there are many a second."""
    facts.con.execute(
        "DELETE FROM facts.take WHERE source = ? AND class = ? AND path = ? AND id < ?",
        [inlet, cls, f"inlet/{inlet}", take],
    )


_Lots = dict[tuple[str, str, bool, int], list[tuple[str, bytes]]]
_Refused = list[tuple[str, int, Refusal]]


def _lots(classes: Mapping[str, str], requests: Sequence[Request]) -> tuple[_Lots, _Refused]:
    """Rows that can be taken together: events of an inlet; records that were received at one instant.

    A record without a time of its own is ordered by its acceptance, so records of other instants are apart.
    """
    lots: _Lots = {}
    refused: _Refused = []
    newest = max((request.entry.received_ms for request in requests), default=0)
    for seq, entry in requests:
        place = f"inlet/{entry.inlet}#{seq}"
        if entry.inlet not in classes:
            refused.append((entry.inlet, entry.received_ms, _unknown(place, entry)))
            continue
        for at, found in enumerate(read_request(entry, classes[entry.inlet])):
            if isinstance(found, Invalid):
                # A message of a batch that the sender was told of is the sender's to send again.
                if entry.form == "segment":
                    refused.append(
                        (entry.inlet, entry.received_ms, _unread(f"{place}.{at}", entry, at, found))
                    )
                continue
            for message in found:
                row = message.row
                if message.cls == "event" and row.get("_id") is None:
                    row = {**row, "_id": f"{entry.inlet}#{seq}.{at}"}
                now_ms = newest if message.cls == "event" else entry.received_ms
                lot = lots.setdefault((entry.inlet, message.cls, message.patch, now_ms), [])
                lot.append((f"{place}.{at}", canonical(row).encode()))
    return lots, refused


def _unread(place: str, entry: Entry, at: int, problem: Invalid) -> Refusal:
    whole: Any = decoded(entry.body)
    raw = whole["batch"][at] if entry.kind == "batch" else whole
    todo = "correct what sends it, and send it again"
    return Refusal(place, None, "row.call", problem.text, None, todo, canonical(raw))


def _unknown(place: str, entry: Entry) -> Refusal:
    body = entry.body.decode("utf-8", "backslashreplace")
    todo = "put the inlet back into townsend.yaml, and send it again"
    return Refusal(place, None, "row.inlet", "an inlet of the project", entry.inlet, todo, body)
