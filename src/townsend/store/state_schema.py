"""The tables of the state store, as a list of migrations: a store's version is how many of them it took.

A migration, once released, is never edited; a change is a new one at the end.
"""

from __future__ import annotations

__all__ = ["MIGRATIONS"]

_FIRST = (
    # What the store is called: it goes before operation numbers, so that ids of two projects differ.
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # `generation` is the one in the store of facts that this copy of the membership reflects.
    "CREATE TABLE audience (name TEXT PRIMARY KEY, generation INTEGER NOT NULL, version TEXT NOT NULL, "
    "at_ms INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE membership (audience TEXT NOT NULL, id INTEGER NOT NULL, since_ms INTEGER NOT NULL, "
    "version TEXT NOT NULL, evidence TEXT, PRIMARY KEY (audience, id)) WITHOUT ROWID",
    # One operation is one identifier to add or remove. `erasure` marks removals that outlive their person.
    "CREATE TABLE operation (id INTEGER PRIMARY KEY AUTOINCREMENT, destination TEXT NOT NULL, "
    "audience TEXT NOT NULL, identifier TEXT NOT NULL, entity INTEGER, via TEXT, "
    "action TEXT NOT NULL CHECK (action IN ('add', 'remove')), "
    "status TEXT NOT NULL CHECK (status IN ('pending', 'sent', 'confirmed', 'refused', 'superseded')), "
    "attempts INTEGER NOT NULL DEFAULT 0, code TEXT, words TEXT, erasure INTEGER NOT NULL DEFAULT 0, "
    "created_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL)",
    # At most one open operation for an identifier: a change of mind replaces it.
    "CREATE UNIQUE INDEX operation_open ON operation (destination, audience, identifier) "
    "WHERE status IN ('pending', 'sent')",
    "CREATE INDEX operation_status ON operation (destination, audience, status)",
    "CREATE INDEX operation_entity ON operation (entity)",
    "CREATE TABLE ledger (destination TEXT NOT NULL, audience TEXT NOT NULL, identifier TEXT NOT NULL, "
    "entity INTEGER, via TEXT, wanted INTEGER NOT NULL, sent TEXT, confirmed INTEGER NOT NULL, "
    "at_ms INTEGER NOT NULL, PRIMARY KEY (destination, audience, identifier)) WITHOUT ROWID",
    "CREATE INDEX ledger_entity ON ledger (entity)",
    # The list, segment or the like that stands for an audience at a destination.
    "CREATE TABLE target (destination TEXT NOT NULL, audience TEXT NOT NULL, remote_id TEXT NOT NULL, "
    "name TEXT NOT NULL, ours INTEGER NOT NULL, body TEXT NOT NULL, created_ms INTEGER NOT NULL, "
    "checked_ms INTEGER, PRIMARY KEY (destination, audience)) WITHOUT ROWID",
    # What a destination answered when asked for its own ids: one row an id; none found is not kept.
    "CREATE TABLE resolution (destination TEXT NOT NULL, value TEXT NOT NULL, identifier TEXT NOT NULL, "
    "at_ms INTEGER NOT NULL, PRIMARY KEY (destination, value, identifier)) WITHOUT ROWID",
    "CREATE TABLE budget (account TEXT NOT NULL, day TEXT NOT NULL, calls INTEGER NOT NULL, "
    "PRIMARY KEY (account, day)) WITHOUT ROWID",
    # One row a delivery, for status pages.
    "CREATE TABLE delivery (id INTEGER PRIMARY KEY AUTOINCREMENT, destination TEXT NOT NULL, "
    "audience TEXT NOT NULL, at_ms INTEGER NOT NULL, report TEXT NOT NULL)",
    "CREATE INDEX delivery_last ON delivery (destination, audience, id)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST,)
