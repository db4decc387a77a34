"""Bodea's destinations, rehearsed: settings that deliver, and a look inside the servers."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from tests.stories.bodea import SEED, Bodea

from townsend.project.rehearsing import Rehearsal, serving

AUDIENCE = "high-value-visitors"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FACTOR = 5_000.0
SETTINGS = f"""\
name: bodea
currency: USD
consent: {{unknown: allow}}
rehearsal: {{seed: 7, size: 0, anchor: "2026-11-22T12:00:00Z", factor: {FACTOR}}}
destinations:
  marketo_1_list:
    type: marketo_list
    base_url: ${{REHEARSAL_MARKETO_1_BASE_URL}}
    client_id: ${{REHEARSAL_MARKETO_1_CLIENT_ID}}
    client_secret: ${{REHEARSAL_MARKETO_1_CLIENT_SECRET}}
    munchkin_id: ${{REHEARSAL_MARKETO_1_MUNCHKIN_ID}}
    folder: ${{REHEARSAL_MARKETO_1_FOLDER}}
  linkedin:
    type: linkedin
    base_url: ${{REHEARSAL_LINKEDIN_BASE_URL}}
    client_id: ${{REHEARSAL_LINKEDIN_CLIENT_ID}}
    client_secret: ${{REHEARSAL_LINKEDIN_CLIENT_SECRET}}
    refresh_token: ${{REHEARSAL_LINKEDIN_REFRESH_TOKEN}}
    account: ${{REHEARSAL_LINKEDIN_ACCOUNT}}
"""


def deliverable(bodea: Bodea, activate: str = "[{to: marketo_1_list}, {to: linkedin}]") -> None:
    """Bodea's facts, the audience, and where it goes."""
    (bodea.folder / "townsend.yaml").write_text(SETTINGS, "utf-8")
    pql = "".join(f"  {line}\n" for line in SEED.splitlines())
    text = f"name: {AUDIENCE}\nof: person\npql: |\n{pql}activate: {activate}\n"
    (bodea.folder / "audiences" / f"{AUDIENCE}.yaml").write_text(text, "utf-8")
    bodea.tell_the_story()


def hashed(email: str) -> str:
    return hashlib.sha256(email.encode()).hexdigest()


def there(bodea: Bodea) -> tuple[list[str], list[str]]:
    """Who is in the Marketo list (e-mails), and in the LinkedIn segment (hashes)."""
    with serving(Rehearsal(7, 0, NOW, FACTOR), bodea.folder, NOW) as (_, servers, _):
        by_name = {server.name: server for server in servers}
        return by_name["marketo_1"].list_emails(AUDIENCE), by_name["linkedin"].segment_hashes(AUDIENCE)
