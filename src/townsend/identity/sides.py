"""Which records are matched, and by which of their values.

Leads are live records of people that name no account themselves; accounts are live records of accounts.
Records are matched, not entities: so what is found depends on no link, and a link that comes or goes changes
nothing in it. Only the newest versions count, whatever the instant.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from townsend.identity.matching.side import COLUMNS
from townsend.identity.moment import Moment
from townsend.identity.versions import Versions, read_versions
from townsend.store.facts_schema import identifier

__all__ = ["ACCOUNT", "PERSON", "account_side", "lead_side", "parents"]

PERSON, ACCOUNT = "person", "account"
OWN_ACCOUNT = "b2b.accountKey.sourceKey"
COMPONENTS = "personComponents"
PARENT = "accountParentKey.sourceKey"
# An address is taken whole, from the first of these that says anything.
ADDRESSES = {
    PERSON: ("workAddress",),
    ACCOUNT: ("accountBillingAddress", "accountPhysicalAddress", "accountShippingAddress"),
}
_ADDRESS = {
    "country": ("countryCode", "country"),
    "city": ("city",),
    "street": ("street1",),
    "postal": ("postalCode",),
}
_PATHS = {
    PERSON: {
        "name": ("b2b.companyName",),
        "website": ("b2b.companyWebsite",),
        "phone": ("workPhone.number",),
    },
    ACCOUNT: {
        "name": ("accountName",),
        "website": ("accountOrganization.website",),
        "domain": ("accountOrganization.domain",),
        "email_domain": ("accountOrganization.primaryEmailDomain",),
        "phone": ("accountPhone.number",),
        "duns": ("accountOrganization.DUNSNumber",),
    },
}


def lead_side(moment: Moment, keys: Sequence[int] | None = None) -> pa.Table:
    """The leads, of these keys only if any are given: ``id``, what is compared, and ``hash`` of it.

    The name, the website or the mail domain of somebody must be known.
    """
    versions = _versions(moment, PERSON, keys)
    if versions is None:
        return _nothing()
    own = [f"s.{identifier(OWN_ACCOUNT)} IS NULL"] if OWN_ACCOUNT in versions.paths else []
    if COMPONENTS in versions.paths:
        named = f"json_extract_string(s.{identifier(COMPONENTS)}, '$[*].sourceAccountKey.sourceKey')"
        own.append(f"(s.{identifier(COMPONENTS)} IS NULL OR len({named}) = 0)")
    mails = [f"s.{identifier('workEmail.address')}"] if "workEmail.address" in versions.paths else []
    if "identityMap" in versions.paths:
        mails.append("json_extract_string(s.\"identityMap\", '$.Email[0].id')")
    domain = f"nullif(lower(trim(split_part(coalesce({', '.join(mails)}), '@', 2))), '')" if mails else None
    return _side(moment, versions, {"email_domain": domain}, own)


def account_side(moment: Moment, keys: Sequence[int] | None = None) -> pa.Table:
    """The accounts, likewise; ``parent`` is the key of the account above, which ``hash`` covers too."""
    versions = _versions(moment, ACCOUNT, keys)
    if versions is None:
        return _nothing().append_column("parent", pa.array([], pa.string()))
    return _side(moment, versions, {"parent": _first(versions, (PARENT,))}, [])


def parents(moment: Moment, side: pa.Table) -> pa.Table:
    """Pairs ``child, parent`` of numbers, among the accounts of a side."""
    moment.con.register("townsend_side", side.select(["id", "parent"]))
    try:
        return moment.con.sql(
            "SELECT s.id AS child, CAST(p.id AS BIGINT) AS parent FROM townsend_side s "
            "JOIN facts.number d ON d.space = $space AND d.value = s.parent "
            "JOIN townsend_side p ON p.id = d.n WHERE p.id <> s.id ORDER BY ALL",
            params={"space": moment.schema.classes[ACCOUNT].namespace},
        ).to_arrow_table()
    finally:
        moment.con.unregister("townsend_side")


def _versions(moment: Moment, cls: str, keys: Sequence[int] | None) -> Versions | None:
    if not moment.columns.get(cls) or (keys is not None and not keys):
        return None
    return read_versions(moment, moment.schema.classes[cls], keys)


def _side(moment: Moment, versions: Versions, more: dict[str, str | None], conditions: list[str]) -> pa.Table:
    cls = versions.cls.name
    values: dict[str, str | None] = {name: _first(versions, paths) for name, paths in _PATHS[cls].items()}
    values |= _address(versions, ADDRESSES[cls]) | more
    columns = [name for name in (*COLUMNS, "parent") if name in COLUMNS or name in more]
    known = "name, website, domain, email_domain" + (", parent" if "parent" in more else "")
    listed = ", ".join(f"CAST({values.get(name) or 'NULL'} AS VARCHAR) AS {name}" for name in columns)
    kept = " AND ".join(["NOT s.deleted", *conditions])
    table: pa.Table = moment.con.sql(
        f"""
        SELECT *, hash({", ".join(columns)}) AS hash FROM (
            SELECT CAST(s.key AS BIGINT) AS id, {listed} FROM {versions.now} s WHERE {kept})
        WHERE coalesce({known}) IS NOT NULL ORDER BY id
        """
    ).to_arrow_table()
    return table


def _first(versions: Versions, paths: Sequence[str]) -> str | None:
    """SQL: the first of these fields that has a value; None if none has a column."""
    known = [f"nullif(trim(s.{identifier(path)}), '')" for path in paths if path in versions.paths]
    return f"coalesce({', '.join(known)})" if known else None


def _address(versions: Versions, objects: Sequence[str]) -> dict[str, str | None]:
    there = [one for one in objects if any(path.startswith(f"{one}.") for path in versions.paths)]
    found: dict[str, str | None] = {}
    for name, leaves in _ADDRESS.items():
        cases = ""
        for one in there:
            value = _first(versions, [f"{one}.{leaf}" for leaf in leaves]) or "NULL"
            said = _first(versions, [f"{one}.{leaf}" for part in _ADDRESS.values() for leaf in part])
            cases += f" WHEN {said} IS NOT NULL THEN {value}" if said else ""
        found[name] = f"CASE{cases} END" if cases else None
    return found


def _nothing() -> pa.Table:
    fields = [("id", pa.int64()), *((name, pa.string()) for name in COLUMNS), ("hash", pa.uint64())]
    return pa.schema(fields).empty_table()
