"""Which keys a source or a destination of each type may have in ``townsend.yaml``.

They stand here, apart from the connectors, so that settings are checked without loading any of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from townsend.vendors.settings import Keys

__all__ = ["COMMON", "DESTINATIONS", "MARKETO", "SOURCES"]

MARKETO = ("base_url", "munchkin_id", "client_id", "client_secret")

# Keys that every source or destination may have, read by the project and not by the connector.
COMMON: Mapping[str, tuple[str, ...]] = {
    "sources": ("type", "currency", "rows", "every", "alarm_after"),
    "destinations": ("type",),
}

READING = ("encoding", "delimiter")
WAITING = ("manifest", "done")
BUCKET = ("endpoint", "region", "access_key", "secret_key", "anonymous")
OWNER = ("system", "instance")  # whose ids the rows have

SOURCES: Mapping[str, Keys] = {
    "files": Keys((), ("class", "path", "classes", "mode", "mapping", *READING, *WAITING, *BUCKET, *OWNER)),
    "inlet": Keys(("class",)),
    "marketo": Keys(MARKETO, ("since", "crm_type", "crm_org_id", "custom_fields", "calls_per_day")),
    "salesforce": Keys(
        ("base_url", "client_id"),
        ("client_secret", "username", "private_key", "audience", "org_id", "since", "api_version"),
        either=(("client_secret",), ("username", "private_key")),
    ),
    "sql": Keys(("driver", "url", "queries"), ("mapping", "overlap", "timeout", *OWNER)),
}

DESTINATIONS: Mapping[str, Keys] = {
    "linkedin": Keys(
        ("client_id", "client_secret", "refresh_token", "account"),
        ("base_url", "version", "source_platform", "action", "on_unmap"),
    ),
    "marketo_list": Keys(
        (*MARKETO, "folder"), ("create_missing", "partition", "calls_per_day", "action", "on_unmap")
    ),
}
