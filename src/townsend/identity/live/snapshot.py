"""A live graph as bytes, and the same graph again.

Facts, clusters and entities are written; whatever follows from them is drawn anew. Bytes hold for the rules
and the facts that the graph had: whoever keeps them keeps a remark about these beside them.
"""

from __future__ import annotations

import io
from array import array
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from townsend.identity.live.changes import Claim
from townsend.identity.live.clusters import Clusters
from townsend.identity.live.graph import LiveGraph
from townsend.identity.live.known import Known, Texts
from townsend.identity.moment import Ints
from townsend.identity.rules import IdentityRules

__all__ = ["restored", "snapshot"]

_FORM = 1


def snapshot(graph: LiveGraph) -> bytes:
    """The graph as bytes."""
    known = graph.known
    owner, named = known.named.pairs()
    first, second, at_ms = known.met.pairs()
    arrays: dict[str, npt.NDArray[Any]] = {
        "marks": np.frombuffer(known.marks, np.uint8),
        "seen": np.asarray(known.seen),
        "since": np.asarray(known.since),
        "named": np.stack([owner, named]),
        "met": np.stack([first, second, at_ms]),
        "labels": np.asarray(graph.clusters.label),
        "entity": np.asarray(graph.entity),
        "places": np.asarray(graph.parts.places),
        "retired": _rows(list(graph.graves.entity.items()), 2),
        "removed": graph.removed(),
        "blocked": np.array(sorted(known.blocked), np.int64),
        "into": _rows([(lost, *said) for lost, said in known.into.items()], 3),
        "joined": _rows([(*pair, at) for pair, at in known.joined.items()], 3),
        "followed": np.array(sorted(known.followed), np.int64),
        "rest": np.frombuffer(
            msgspec.json.encode(
                {
                    "form": _FORM,
                    "now_ms": graph.now_ms,
                    "splits": graph.parts.splits,
                    "coming": graph.coming,
                    "golden": list(known.golden.items()),
                    "claims": [
                        (key, [(c.golden, c.seen_ms, c.from_ms, c.until_ms) for c in said])
                        for key, said in known.claims.items()
                    ],
                }
            ),
            np.uint8,
        ),
    }
    written = io.BytesIO()
    np.savez(written, allow_pickle=False, **arrays)
    return written.getvalue()


def restored(written: bytes, rules: IdentityRules, texts: Texts) -> LiveGraph:
    """The graph that was written, under the same rules.

    Args:
        written: what ``snapshot`` gave.
        rules: the rules it had.
        texts: looks up identities of numbers, as long as the graph is used.
    """
    held = np.load(io.BytesIO(written), allow_pickle=False)
    rest = msgspec.json.decode(held["rest"].tobytes())
    assert rest["form"] == _FORM
    known = _known(held, rest, rules)
    known.shine(texts)
    labels = held["labels"].astype(np.int64)
    _, labels = np.unique(labels, return_inverse=True)
    clusters = Clusters(labels)
    return LiveGraph(
        rules,
        rest["splits"],
        known,
        clusters,
        array("i", held["entity"].astype(np.int32).tobytes()),
        dict(held["retired"].tolist()),
        array("i", held["places"].astype(np.int32).tobytes()),
        clusters.by_label(held["removed"]),
        rest["now_ms"],
        [(at_ms, tuple(named)) for at_ms, named in rest["coming"]],
        texts,
    )


def _known(held: Mapping[str, npt.NDArray[Any]], rest: Mapping[str, Any], rules: IdentityRules) -> Known:
    known = Known(rules.links_per_value)
    known.blocked = set(held["blocked"].tolist())
    known.marks = bytearray(held["marks"].tobytes())
    known.seen, known.since = (array("q", held[name].tobytes()) for name in ("seen", "since"))
    met = held["met"]
    known.fill((held["named"][0], held["named"][1]), (met[0], met[1], met[2]))
    for lost, kept, at_ms in held["into"].tolist():
        known.into[lost] = (kept, at_ms)
        known.fed.setdefault(kept, set()).add(lost)
    for kept, lost, at_ms in held["joined"].tolist():
        known.joined[kept, lost] = at_ms
        known.joins.setdefault(kept, set()).add(lost)
        known.joins.setdefault(lost, set()).add(kept)
    known.followed = set(held["followed"].tolist())
    known.golden = {key: (golden, seen_ms) for key, (golden, seen_ms) in rest["golden"]}
    known.claims = {key: tuple(Claim(*one) for one in said) for key, said in rest["claims"]}
    return known


def _rows(rows: list[tuple[int, ...]], width: int) -> Ints:
    return np.array(rows, np.int64).reshape(-1, width)
