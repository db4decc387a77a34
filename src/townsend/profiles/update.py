"""A stored world brought up to date with rows that came since: only what they touch is made anew.

First the entities that may be touched are made in a small world beside the stored one; then, in one
transaction, they take the place of the old ones, and what refers to them follows. The world that results is
the one that a making from the ground gives, which is also what happens whenever more than that is called for.
"""

from __future__ import annotations

import json
import re

from townsend.identity.links import event_boundaries, merge_boundaries
from townsend.identity.moment import Ints, Moment, distinct, temp, text_literal
from townsend.identity.versions import read_versions
from townsend.profiles.beside import Beside
from townsend.profiles.edges import (
    ACCOUNT,
    COMPONENTS,
    OWN_ACCOUNT,
    PERSON,
    RELATED,
    update_ancestors,
    update_edges,
)
from townsend.profiles.entities import member_table, report_crowded
from townsend.profiles.making import Making, acting_class
from townsend.profiles.money_items import holds_money
from townsend.profiles.since import Extent, News, news
from townsend.profiles.splice import Splice, columns_of
from townsend.profiles.views import report_undecided
from townsend.store.facts_schema import identifier

__all__ = ["ROWS_MOST", "update"]

# More new rows than this, and to make everything anew is hardly slower.
ROWS_MOST = 20_000


def update(stored: Making, small: Making, before: Extent) -> bool:
    """Bring a stored world up to date; its bounds and report are in ``stored`` and change along.

    Args:
        stored: the stored world, on a connection outside of any transaction; afterwards inside of one
            that has to be committed, if anything was done.
        small: where the small world goes: an empty database in memory, on the same connection.
        before: how far the facts went when it was made.

    Returns:
        Whether it is up to date now; if not, nothing was changed.
    """
    found = _fitting(stored, before)
    if found is None:
        return False
    beside = Beside(stored, small, found)
    if not beside.make() or not _is_simple(stored, beside):
        return False
    moment = stored.moment
    moment.run("BEGIN TRANSACTION")
    _note_accounts(stored, beside)
    Splice(beside, stored).put()
    _relate(stored, beside)
    stored.bounds.narrow(*event_boundaries(moment))
    stored.bounds.narrow(*merge_boundaries(moment))
    report_crowded(stored)
    report_undecided(stored)
    return True


def _fitting(stored: Making, before: Extent) -> News | None:
    """What is new, if it is little and of a kind that can be followed."""
    moment = stored.moment
    found = news(moment, before)
    if found is None or sum(found.rows.values()) > ROWS_MOST:
        return None
    if stored.identity.matching.kinds or moment.number("SELECT count(*) FROM facts.match"):
        return None
    for name in found.rows:
        cls = stored.schema.classes[name]
        if cls.is_event:
            # Money of events stands by the row's place; the first of another currency changes the tables.
            money = holds_money(cls, moment.columns[name])
            acting = acting_class(stored.schema)
            if money or (acting is not None and not _has(stored, acting)):
                return None
        elif not _has(stored, f"node_{name}") or not _has(stored, name):
            return None
    return None if _is_claimed(stored, before) else found


def _is_claimed(stored: Making, before: Extent) -> bool:
    """Whether master data may speak of a key that was not known before."""
    moment = stored.moment
    for (name,) in moment.rows("SELECT DISTINCT lower(trim(entity_type)) FROM facts.account_xref"):
        cls = stored.schema.classes.get(name)
        if cls is None:
            continue
        new = f"FROM facts.number WHERE n > {before.number} AND space = {text_literal(cls.namespace)}"
        claimed = f"{_plain('source_key')} IN (SELECT {_plain('value')} {new})"
        if moment.number(f"SELECT count(*) {new}") and moment.number(
            f"SELECT count(*) FROM facts.account_xref WHERE lower(trim(entity_type)) = $cls AND {claimed}",
            {"cls": name},
        ):
            return True
    return False


def _is_simple(stored: Making, beside: Beside) -> bool:
    """Whether relationships can be followed: related accounts are looked at as a whole."""
    return ACCOUNT not in beside.regions or RELATED not in stored.moment.columns.get(ACCOUNT, ())


def _plain(text: str) -> str:
    """SQL: a key or an id without what differs from spelling to spelling: case, signs, noughts, endings."""
    record = (
        f"regexp_replace(lower(trim(split_part({text}, '@', 1))), '(\\.0+|\\.mkto_(org|acct|account))$', '')"
    )
    return f"left(ltrim(regexp_replace({record}, '[^a-z0-9]', '', 'g'), '0'), 15)"


# ---------------------------------------------------------------- relationships


def _note_accounts(stored: Making, beside: Beside) -> None:
    """``people(id)``: those whose pairs with accounts may change; as far as it has to be read beforehand."""
    moment = stored.moment
    moment.run("CREATE OR REPLACE TEMP TABLE people (id INTEGER)")
    for cls in ("account_person", "opportunity_person"):
        if cls in beside.regions and "@person" in _columns(stored, cls):
            rows = (
                f'SELECT "@person" FROM {stored.table(cls)} WHERE id IN ({_listed(beside.regions[cls].ids)})'
            )
            moment.run(f"INSERT INTO people {rows}")
    if PERSON in beside.regions:
        moment.run(f"INSERT INTO people SELECT unnest([{_listed(beside.regions[PERSON].ids)}]::INTEGER[])")
    if ACCOUNT in beside.regions and _has(stored, "edge_person_account"):
        far = f"far IN ({_listed(beside.regions[ACCOUNT].ids)})"
        for suffix in ("", "_retired"):
            pairs = stored.table("edge_person_account" + suffix)
            moment.run(f"INSERT INTO people SELECT near FROM {pairs} WHERE {far}")


def _relate(stored: Making, beside: Beside) -> None:
    """Make the pairs of people and accounts anew where something about either changed, and ancestors."""
    moment = stored.moment
    if not _has(stored, "node_account"):
        return
    if _has(stored, "node_person"):
        _gather_people(stored, beside)
        moment.run(
            "CREATE OR REPLACE TEMP TABLE people AS SELECT DISTINCT id FROM people WHERE id IS NOT NULL"
        )
        if moment.number("SELECT count(*) FROM people"):
            _read_people(stored)
            update_edges(stored, "people")
    if ACCOUNT in beside.regions and "@parent" in _columns(stored, ACCOUNT):
        update_ancestors(stored)


def _gather_people(stored: Making, beside: Beside) -> None:
    """Whose rows, relation rows or accounts are others now."""
    moment = stored.moment
    touched = [f"SELECT id FROM {temp('touched', PERSON)}"] if PERSON in beside.regions else []
    for cls in ("account_person", "opportunity_person"):
        if _is_touched(moment, cls) and "@person" in _columns(stored, cls):
            rows = f"{stored.table(cls)} SEMI JOIN {temp('touched', cls)} USING (id)"
            touched.append(f'SELECT "@person" FROM {rows}')
    members = _columns(stored, "opportunity_person").keys() >= {"@person", "@opportunity"}
    if _is_touched(moment, "opportunity") and members:
        touched.append(
            f'SELECT "@person" FROM {stored.table("opportunity_person")} '
            f'WHERE "@opportunity" IN (SELECT id FROM {temp("touched", "opportunity")})'
        )
    for query in touched:
        moment.run(f"INSERT INTO people {query}")
    for keys in _naming(stored, beside):
        moment.table("naming", {"n": keys})
        moment.run(
            f"INSERT INTO people SELECT id FROM {stored.table('node_person')} SEMI JOIN naming USING (n)"
        )


def _naming(stored: Making, beside: Beside) -> list[Ints]:
    """Keys of people's records that name an account that moved, or hold a component of a record that did."""
    moment, columns = stored.moment, stored.moment.columns.get(PERSON, frozenset())
    found: list[Ints] = []
    if ACCOUNT in beside.regions:
        moved = f"SELECT value FROM {temp('moved', ACCOUNT)}"
        if OWN_ACCOUNT in columns:
            found += moment.arrays(
                f"SELECT DISTINCT key FROM facts.person WHERE {identifier(OWN_ACCOUNT)} IN ({moved})"
            )
        found += _holding(stored, moved)
    if PERSON in beside.regions:
        # Components that name a record which is retired now, or no longer, are whoever's they are.
        found += _holding(
            stored,
            f"SELECT d.value FROM facts.number d SEMI JOIN {temp('turned', PERSON)} USING (n)",
        )
    return found


def _holding(stored: Making, values: str) -> list[Ints]:
    """Keys of people's records with a component that has one of these keys in it."""
    moment = stored.moment
    if COMPONENTS not in moment.columns.get(PERSON, ()):
        return []
    texts = [str(value) for (value,) in moment.rows(values)]
    if not texts:
        return []
    return moment.arrays(
        f"SELECT DISTINCT key FROM facts.person WHERE regexp_matches({identifier(COMPONENTS)}, $any)",
        {"any": "|".join(map(_escaped, texts))},
    )


def _read_people(stored: Making) -> None:
    """The versions of people's records, and whose these are."""
    moment, cls = stored.moment, stored.schema.classes[PERSON]
    retired = f"SELECT id FROM {stored.table(PERSON)}"
    moment.run(
        f"CREATE OR REPLACE TEMP TABLE {member_table(PERSON)} AS "
        f"SELECT n, id, id NOT IN ({retired}) AS retired FROM {stored.table('source')} "
        f"WHERE class = {text_literal(PERSON)} AND id IN (FROM people)"
    )
    if moment.columns.get(PERSON):
        (keys,) = moment.arrays(f"SELECT n FROM {member_table(PERSON)}")
        stored.versions[PERSON] = read_versions(moment, cls, distinct(keys).tolist())


def _escaped(text: str) -> str:
    """A text as it stands in JSON, for a regular expression."""
    return re.escape(json.dumps(text, ensure_ascii=False)[1:-1])


def _listed(numbers: Ints) -> str:
    return ", ".join(map(str, numbers.tolist())) or "NULL"


def _has(stored: Making, table: str) -> bool:
    return bool(_columns(stored, table))


def _columns(stored: Making, table: str) -> dict[str, str]:
    return columns_of(stored.moment, stored.name, table)


def _is_touched(moment: Moment, cls: str) -> bool:
    """Whether rows of a class that relates people were made anew, or point elsewhere now."""
    return bool(
        moment.number(
            "SELECT count(*) FROM duckdb_tables() WHERE temporary AND table_name = $name",
            {"name": f"touched_{cls}"},
        )
    )
