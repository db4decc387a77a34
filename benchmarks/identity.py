"""Identity: who is whom from strings, from integers, and in a graph that is kept up to date.

A million person records name an address and most of them a telephone: 1.8 million links. Contestants start
from the same texts in the same tables and must find as many clusters. The graph in memory takes a hundred
links at once and loses them one by one; and a cluster of twenty thousand, in which a namespace that should be
unique is not, is touched here and there.
"""

from __future__ import annotations

import importlib.util
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from benchmarks.measure import Line, alone, seconds
from townsend.identity import IdentityRules, Namespace
from townsend.identity.entities import resolve
from townsend.identity.gathered import Evidence
from townsend.identity.graph import Identity, components
from townsend.identity.links import RecordLinks, record_links
from townsend.identity.live import Changes, LiveGraph, Version, live_graph, restored, snapshot
from townsend.identity.moment import Ints, Moment
from townsend.identity.versions import read_versions
from townsend.model import builtin_schema
from townsend.store.facts import Facts

__all__ = ["lines"]

RECORDS = 1_000_000
INTEGER_LINKS = 10_000_000
TORN = 10_000  # records of the cluster in conflict; as many addresses
SCHEMA = builtin_schema()
PERSON = SCHEMA.entity_class("person")
RULES = IdentityRules(fields={"person": ("mobilePhone.number",)})
_NONE = np.zeros(0, np.int64)
# Seconds, seconds of the processors, and how many clusters there are.
Peer = Callable[[Path], tuple[float, float, int]]


def lines() -> Iterator[Line]:
    """All measurements, each contestant in a process of its own."""
    with TemporaryDirectory() as folder:
        store = Path(folder) / "identity.duckdb"
        alone(make, store)
        yield from _from_strings(store)
        yield from _from_integers()
        yield from _live(store)


def _from_strings(store: Path) -> Iterator[Line]:
    (took, busy, found), most = alone(ours, store)
    peers: dict[str, Callable[[Path], tuple[float, float, int]]] = {
        "SciPy": scipy,
        "DuckDB": sql,
        "Splink": splink,
    }
    if importlib.util.find_spec("igraph"):
        peers["igraph"] = igraph
    taken = {}
    for name, peer in peers.items():
        (seconds_, _, clusters), _ = alone(peer, store)
        assert clusters == found, f"{name} finds {clusters} clusters, we find {found}"
        taken[name] = seconds_
    best = min(taken, key=taken.__getitem__)
    others = ", ".join(f"{name} {one:.1f}" for name, one in taken.items() if name != best)
    note = f"{found:,} people; busy {busy:.1f} s; peak {most:,.0f} MB"
    yield Line("who is whom of 1 M records, from strings", took, "s", goal=2, note=note)
    note = f"components and no more; {others}"
    yield Line(f"  the same by the best peer, {best}", taken[best], "s", note=note)


def _from_integers() -> Iterator[Line]:
    (took, most), _ = alone(integers)
    (peer, _), _ = alone(integers_sql)
    note = f"{most:,.0f} MB, links included; by DuckDB's SQL {peer:.1f} s"
    yield Line("components of 10 M integer links", took, "s", goal=4, note=note)


def _live(store: Path) -> Iterator[Line]:
    found, most = alone(live, store)
    yield Line("graph in memory, of 1 M records", found.built, "s", goal=2, note=f"peak {most:,.0f} MB")
    yield Line("  100 links more, median", found.added * 1_000, "ms", goal=2)
    yield Line("  one link less, in 99 of 100 cases", found.withdrawn * 1_000, "ms", goal=1)
    yield Line("  into bytes", found.written, "s", note=f"{found.size / (1 << 20):,.0f} MB")
    yield Line("  out of bytes", found.restored, "s")
    (median, longest), _ = alone(torn)
    note = f"longest {longest * 1_000:.0f}; processor time, as is all of the graph in memory"
    yield Line("touching a cluster of 20,000 in conflict", median * 1_000, "ms", goal=60, note=note)


# ---------------------------------------------------------------- from strings


def make(store: Path) -> None:
    """A store of facts with nothing but people in it, as intake would have left it."""
    with Facts.open(store) as facts:
        facts.con.execute(
            f"""
            CREATE TABLE person AS SELECT r AS nth, 'p' || r || '@crm_1.Salesforce' AS key,
                'person' || CASE WHEN r < {RECORDS} * 0.62 THEN r ELSE hash(r) % ({RECORDS} * 62 // 100) END
                    || '@example.com' AS mail,
                CASE WHEN hash(r, 1) % 5 > 0 THEN '+49-' || hash(r, 2) % ({RECORDS} * 2) END AS phone
            FROM range({RECORDS}) t(r);
            INSERT INTO facts.number SELECT row_number() OVER (ORDER BY nth, space), space, value FROM (
                SELECT min(nth) AS nth, space, value FROM (
                    SELECT nth, 'b2b_person' AS space, key AS value FROM person
                    UNION ALL SELECT nth, 'Email', mail FROM person
                    UNION ALL SELECT nth, 'number', phone FROM person WHERE phone IS NOT NULL)
                GROUP BY ALL);
            CREATE TABLE facts.person AS SELECT CAST(d.n AS INTEGER) AS key, 'crm_1' AS source,
                CAST(nth AS BIGINT) AS own_ms, CAST(0 AS BIGINT) AS accepted_ms, hash(nth) AS hash,
                false AS deleted, CAST(NULL AS BOOLEAN) AS patch, CAST(NULL AS VARCHAR[]) AS nulls,
                1 AS take, mail AS "workEmail.address", phone AS "mobilePhone.number"
            FROM person p JOIN facts.number d ON d.space = 'b2b_person' AND d.value = p.key ORDER BY nth;
            """
        )


def moment_of(facts: Facts) -> Moment:
    return Moment(facts.con, SCHEMA, {"person": facts.columns("person")}, 0)


def ours(store: Path) -> tuple[float, float, int]:
    """Seconds, seconds of the processors, and clusters: from the texts in the records to entities."""
    with Facts.open(store) as facts:
        facts.con.execute("SET threads = 2")
        moment, busy = moment_of(facts), time.process_time()

        def job() -> int:
            records = record_links(moment, RULES, read_versions(moment, PERSON), _NONE)
            return len(np.unique(resolve(moment, RULES, PERSON, Evidence(records)).id))

        took, clusters = seconds(job)
        return took, time.process_time() - busy, clusters


def _edges(store: Path) -> tuple[duckdb.DuckDBPyConnection, str]:
    """Pairs of texts, which every peer begins with."""
    con = duckdb.connect()
    con.execute(f"SET enable_progress_bar = false; SET threads = 2; ATTACH '{store}' AS given (READ_ONLY)")
    return con, (
        "SELECT key AS a, mail AS b FROM given.person "
        "UNION ALL SELECT key, phone FROM given.person WHERE phone IS NOT NULL"
    )


def _peer(job: Callable[[], int]) -> tuple[float, float, int]:
    busy = time.process_time()
    took, clusters = seconds(job)
    return took, time.process_time() - busy, clusters


def _integers(con: duckdb.DuckDBPyConnection, edges: str) -> tuple[int, Ints, Ints]:
    table = con.sql(edges).to_arrow_table()
    both = pa.chunked_array([*table["a"].chunks, *table["b"].chunks]).combine_chunks().dictionary_encode()
    numbers = both.indices.to_numpy()
    return len(both.dictionary), numbers[: len(table)], numbers[len(table) :]


def scipy(store: Path) -> tuple[float, float, int]:
    """Texts to integers by Arrow, components by SciPy."""
    con, edges = _edges(store)

    def job() -> int:
        size, first, second = _integers(con, edges)
        matrix = coo_matrix((np.ones(len(first), np.int8), (first, second)), shape=(size, size))
        return int(connected_components(matrix.tocsr(), directed=False)[0])

    return _peer(job)


def igraph(store: Path) -> tuple[float, float, int]:
    """Texts to integers by Arrow, components by igraph."""
    import igraph as graphs

    con, edges = _edges(store)

    def job() -> int:
        size, first, second = _integers(con, edges)
        graph = graphs.Graph(n=size, edges=np.stack([first, second], axis=1))
        return len(graph.connected_components())

    return _peer(job)


def splink(store: Path) -> tuple[float, float, int]:
    """Splink's clustering, on DuckDB."""
    from splink import DuckDBAPI
    from splink.clustering import cluster_pairwise_predictions_at_threshold

    con, edges = _edges(store)
    table = con.sql(edges).to_arrow_table()
    pairs = pa.table({"unique_id_l": table["a"], "unique_id_r": table["b"]})
    ids = pa.table({"unique_id": pa.chunked_array([*table["a"].chunks, *table["b"].chunks]).unique()})
    own = duckdb.connect()
    own.execute("SET enable_progress_bar = false; SET threads = 2")
    api = DuckDBAPI(connection=own)

    def job() -> int:
        found = cluster_pairwise_predictions_at_threshold(ids, pairs, api, node_id_column_name="unique_id")
        return int(
            own.execute(f"SELECT count(DISTINCT cluster_id) FROM {found.physical_name}").fetchall()[0][0]
        )

    return _peer(job)


def sql(store: Path) -> tuple[float, float, int]:
    """Texts to integers and components by plain SQL: the smallest neighbour, until nothing changes."""
    con, edges = _edges(store)

    def job() -> int:
        con.execute(
            f"""
            CREATE TABLE edge AS {edges};
            CREATE TABLE node AS SELECT row_number() OVER () AS n, v FROM (
                SELECT a AS v FROM edge UNION SELECT b FROM edge);
            CREATE TABLE link AS SELECT x.n AS a, y.n AS b
            FROM edge JOIN node x ON x.v = a JOIN node y ON y.v = b;
            """
        )
        return _contracted(con, int(con.execute("SELECT count(*) FROM node").fetchall()[0][0]))

    return _peer(job)


def _contracted(con: duckdb.DuckDBPyConnection, nodes: int) -> int:
    """How many components ``link(a, b)`` has: every round, each node goes into its smallest neighbour."""
    clusters = nodes
    while con.execute("SELECT count(*) FROM link").fetchall()[0][0]:
        con.execute(
            """
            CREATE OR REPLACE TABLE least AS SELECT a AS n, min(b) AS m FROM (
                SELECT a, b FROM link UNION ALL SELECT b, a FROM link UNION ALL SELECT a, a FROM link
                UNION ALL SELECT b, b FROM link) GROUP BY a;
            CREATE OR REPLACE TABLE root AS SELECT l.n, k.m FROM least l JOIN least k ON k.n = l.m;
            """
        )
        before, after = con.execute("SELECT count(*), count(DISTINCT m) FROM root").fetchall()[0]
        clusters -= before - after
        con.execute(
            """
            CREATE OR REPLACE TABLE next AS SELECT DISTINCT x.m AS a, y.m AS b
            FROM link JOIN root x ON x.n = link.a JOIN root y ON y.n = link.b WHERE x.m <> y.m;
            DROP TABLE link; ALTER TABLE next RENAME TO link;
            """
        )
    return clusters


# ---------------------------------------------------------------- from integers


def _random_links() -> tuple[int, Ints, Ints]:
    rng = np.random.default_rng(1)
    size = INTEGER_LINKS * 9 // 10
    return size, rng.integers(0, size, INTEGER_LINKS), rng.integers(0, size, INTEGER_LINKS)


def integers() -> tuple[float, float]:
    """Seconds, and the most memory there was (MB), the links included."""
    size, first, second = _random_links()
    took, _ = seconds(lambda: components(size, first, second))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return took, most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def integers_sql() -> tuple[float, float]:
    """The same by plain SQL."""
    size, first, second = _random_links()
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false; SET threads = 2")
    table = pa.table({"a": first, "b": second})
    con.register("given", table)
    con.execute("CREATE TABLE link AS SELECT a, b FROM given WHERE a <> b")
    took, _ = seconds(lambda: _contracted(con, size))
    return took, 0.0


# ---------------------------------------------------------------- kept up to date


@dataclass(frozen=True)
class Live:
    """Seconds of the processor, and bytes."""

    built: float
    added: float
    withdrawn: float
    written: float
    restored: float
    size: int


def busy(job: Callable[[], object]) -> float:
    """How long the processor was busy with it; one thread does all of it."""
    began = time.process_time()
    job()
    return time.process_time() - began


def live(store: Path) -> Live:
    """The graph of a million records: made, changed, kept."""
    with Facts.open(store, read_only=True) as facts:
        moment = moment_of(facts)
        records = record_links(moment, RULES, read_versions(moment, PERSON), _NONE)
        size = moment.number("SELECT max(n) + 1 FROM facts.number")
        graphs: list[LiveGraph] = []

        def build() -> None:
            evidence = Evidence(records)
            graphs.append(live_graph(moment, RULES, PERSON, evidence, {}, [], _NONE, size, _texts(moment)))

        built = busy(build)
        graph, rng = graphs[0], np.random.default_rng(5)
        keys, values = records.key, np.unique(records.named)
        added, withdrawn = [], []
        for _ in range(100):
            pairs = list(zip(rng.choice(keys, 100).tolist(), rng.choice(values, 100).tolist(), strict=True))
            more = {key: Version(1, (*graph.known.named.of(key), value)) for key, value in pairs}
            added.append(busy(lambda more=more: graph.apply(Changes(records=more))))  # type: ignore[misc]
            for key, value in pairs[:20]:
                less = Version(2, tuple(one for one in graph.known.named.of(key) if one != value))
                if graph.clusters.size(key) <= 50:
                    one = Changes(records={key: less})
                    withdrawn.append(busy(lambda one=one: graph.apply(one)))  # type: ignore[misc]
        kept: list[bytes] = []
        written = busy(lambda: kept.append(snapshot(graph)))
        again = busy(lambda: restored(kept[0], RULES, _texts(moment)))
    withdrawn.sort()
    most = withdrawn[len(withdrawn) * 99 // 100]
    return Live(built, statistics.median(added), most, written, again, len(kept[0]))


def _texts(moment: Moment) -> Callable[[Iterable[int]], dict[int, Identity]]:
    def texts(numbers: Iterable[int]) -> dict[int, Identity]:
        wanted = list(numbers)
        found = moment.rows(
            "SELECT n, space, value FROM facts.number WHERE n IN (SELECT unnest($wanted))", {"wanted": wanted}
        )
        return {int(n): (space, value) for n, space, value in found} if wanted else {}

    return texts


def torn() -> tuple[float, float]:
    """Median and longest seconds of touching a cluster of twenty thousand whose records should be apart.

    Each of its records names two addresses in a ring; links come between what hangs together anyway, and go.
    """
    con = duckdb.connect()
    con.execute("CREATE SCHEMA facts; CREATE TABLE facts.number (n INTEGER, space VARCHAR, value VARCHAR)")
    con.execute(
        f"INSERT INTO facts.number SELECT r, CASE WHEN r <= {TORN} THEN 'b2b_person' ELSE 'Email' END, "
        f"'v' || r FROM range(1, {2 * TORN + 1}) t(r)"
    )
    moment, rng = Moment(con, SCHEMA, {}, 1 << 40), np.random.default_rng(7)
    key = np.arange(1, TORN + 1)
    owner, named = np.tile(key, 2), np.concatenate([key + TORN, key % TORN + TORN + 1])
    records = RecordLinks(key, rng.integers(0, 1 << 30, TORN), np.zeros(TORN, np.int64), owner, named)
    rules = IdentityRules((Namespace("b2b_person", unique=True), Namespace("Email")))
    graph = live_graph(moment, rules, PERSON, Evidence(records), {}, [], _NONE, 2 * TORN + 1, _texts(moment))
    taken = []
    for turn in range(61):
        one = int(rng.integers(1, TORN + 1))
        own = (one + TORN, one % TORN + TORN + 1)
        extra = (int(rng.integers(TORN + 1, 2 * TORN + 1)),) if turn % 2 else ()
        changes = Changes(records={one: Version((1 << 30) + turn, own + extra)})
        taken.append(busy(lambda changes=changes: graph.apply(changes)))  # type: ignore[misc]
        assert graph.clusters.size(one) == 2 * TORN
    # The first touch gathers the cluster's links; after that they are kept.
    return statistics.median(taken[1:]), max(taken[1:])
