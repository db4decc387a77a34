"""The files of the demonstration's project: Bodea with live connectors to rehearsal servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

__all__ = ["AUDIENCE", "MONEY", "VISIT", "write_project"]

AUDIENCE = "high-value-visitors"
MONEY = "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000"
VISIT = """\
chain(xEvent, timestamp, [
  V: WHAT(web.webPageDetails.URL.contains("/new-product")) WHEN(<= 1 month before now)
])"""

_ABOUT = (
    "Who belongs to accounts that together bought for more than one million, "
    "and visited the new product page in the last month."
)


def write_project(
    folder: Path, servers: Iterable[Any], master_data: str, rehearsal: Mapping[str, Any]
) -> None:
    """Settings that point at the servers, the audience, and the master data file.

    Secrets are written as ``${NAME}``; the rehearsal gives them their values.
    """
    (folder / "audiences").mkdir(parents=True, exist_ok=True)
    (folder / "data" / "mdm").mkdir(parents=True, exist_ok=True)
    (folder / "data" / "mdm" / "accounts.csv").write_text(master_data, "utf-8")
    _write(folder / "townsend.yaml", _settings(servers, rehearsal))
    _write(folder / "audiences" / f"{AUDIENCE}.yaml", _audience())


def _settings(servers: Iterable[Any], rehearsal: Mapping[str, Any]) -> dict[str, Any]:
    by_name = {server.name: server for server in servers}
    sources: dict[str, Any] = {}
    for name in ("crm_1", "crm_2"):
        sources[name] = {
            "type": "salesforce",
            **_access(by_name[name]),
            "org_id": by_name[name].extra["org_id"],
        }
    for name, crm in (("marketo_1", "crm_1"), ("marketo_2", "crm_2")):
        server = by_name[name]
        sources[name] = {
            "type": "marketo",
            **_access(server),
            "munchkin_id": server.extra["munchkin_id"],
            "crm_org_id": by_name[crm].extra["org_id"],
            "since": "7 months",
        }
    sources["mdm"] = {"type": "files", "class": "account_xref", "path": "data/mdm/*.csv"}
    linkedin = by_name["linkedin"]
    return {
        "name": "bodea",
        "currency": "USD",
        "rehearsal": dict(rehearsal),
        "sources": sources,
        "identity": {"person": {"namespaces": [{"code": "b2b_person"}, {"code": "Email"}, {"code": "ECID"}]}},
        "merge": {"account": {"by": "source", "order": ["crm_1", "crm_2", "marketo_1", "marketo_2"]}},
        "consent": {"unknown": "allow"},
        "destinations": {
            "marketo_1_list": {
                "type": "marketo_list",
                **_access(by_name["marketo_1"]),
                "munchkin_id": by_name["marketo_1"].extra["munchkin_id"],
                "folder": by_name["marketo_1"].extra.get("folder", "Audiences"),
            },
            "linkedin": {
                "type": "linkedin",
                **_access(linkedin),
                "refresh_token": _variable("linkedin", "refresh_token"),
                "account": linkedin.extra["account"],
            },
        },
    }


def _access(server: Any) -> dict[str, str]:
    return {
        "base_url": _variable(server.name, "base_url"),
        "client_id": server.client_id,
        "client_secret": _variable(server.name, "client_secret"),
    }


def _variable(server: str, key: str) -> str:
    return "${REHEARSAL_" + f"{server}_{key}".upper() + "}"


def _audience() -> dict[str, Any]:
    return {
        "name": AUDIENCE,
        "of": "person",
        "owner": "marketing-operations",
        "description": _ABOUT,
        "pql": f"{MONEY}\nand {VISIT}\n",
        "activate": [{"to": "marketo_1_list"}, {"to": "linkedin"}],
    }


class _Folded(yaml.SafeDumper):
    """Writes text of several lines as a block, as a person would."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Folded.add_representer(str, _block)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = yaml.dump(dict(content), Dumper=_Folded, sort_keys=False, allow_unicode=True, width=110)
    path.write_text(text, "utf-8")
