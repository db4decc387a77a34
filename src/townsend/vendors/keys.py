"""Which keys a source or a destination of each type may have in ``townsend.yaml``.

They stand here, apart from the connectors, so that settings are checked without loading any of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from townsend.vendors.settings import Keys

__all__ = ["COMMON", "DESTINATIONS", "MARKETO", "SOURCES"]

MARKETO = ("base_url", "munchkin_id", "client_id", "client_secret")

# Keys that every source or destination may have; a source's are read at intake.
COMMON: Mapping[str, tuple[str, ...]] = {"sources": ("type", "currency", "rows"), "destinations": ("type",)}

SOURCES: Mapping[str, Keys] = {
    "files": Keys((), ("class", "path", "classes", "mode")),
    "inlet": Keys(("class",)),
    "marketo": Keys(MARKETO, ("since", "crm_type", "crm_org_id", "custom_fields", "calls_per_day")),
    "salesforce": Keys(("base_url", "client_id", "client_secret"), ("org_id", "since", "api_version")),
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
