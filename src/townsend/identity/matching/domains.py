"""The domain that a company registered, out of websites and mail domains in all their spellings.

A domain that anybody can use (public mail, social sites) tells no company and gives None, as do addresses
without a registered domain: IP addresses, ``localhost``, what is no host name at all.
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import cache

from townsend.identity.matching.words import entries

__all__ = ["domain_label", "is_public_mail", "mail_domain", "owner_letters", "registrable", "site_domain"]

_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})")
_ADDED = re.compile(
    "(?<=.)-(?:group|gruppe|groupe|corp|corporate|mail|inc|gmbh|ag|ltd|llc|co|company|hq|global|online|international|"
    "intl|holding|holdings|usa|us|uk|eu|de|emea)$"
)
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:/*|^/+")


def site_domain(website: str | None) -> str | None:
    """The registered domain of a company's website; None if it tells no company.

    >>> site_domain("https://WWW.Shop.Acme.co.uk:443/de?x=1"), site_domain("facebook.com/acme")
    ('acme.co.uk', None)
    """
    found = registrable(website)
    return (
        None if found is None or _listed(found, _public("public_sites")) or is_public_mail(found) else found
    )


def mail_domain(domain: str | None, public: Set[str] = frozenset()) -> str | None:
    """The registered domain of a mail domain or address; None for public mail.

    Args:
        domain: what stands after the ``@``; a whole address will do.
        public: further mail domains that tell no company, lower case.

    >>> mail_domain("jo@sales.acme.de"), mail_domain("yahoo.co.jp"), mail_domain("QQ.com")
    ('acme.de', None, None)
    """
    host = _host(domain)
    found = None if host is None else _registered(host)
    if host is None or found is None or public & {host, found}:
        return None
    if is_public_mail(host) or is_public_mail(found) or _listed(found, _public("public_sites")):
        return None
    return found


def registrable(address: str | None) -> str | None:
    """The registered domain in an address of the web or of mail, whoever owns it."""
    host = _host(address)
    return None if host is None else _registered(host)


def domain_label(domain: str) -> str:
    """The part of a registered domain that its owner chose.

    >>> domain_label("acme.co.uk")
    'acme'
    """
    return domain.partition(".")[0]


def owner_letters(label: str) -> str:
    """The letters of a domain's label, without what companies like to add to their name after a dash.

    >>> owner_letters("acme-robots-group"), owner_letters("acme")
    ('acmerobots', 'acme')
    """
    return _ADDED.sub("", label).replace("-", "")


def is_public_mail(domain: str) -> bool:
    """Whether anybody can have an address at this domain, by the list that ships."""
    return _listed(domain, _public("public_mail"))


@cache
def _public(name: str) -> frozenset[str]:
    return frozenset(entries(name))


def _listed(domain: str, known: frozenset[str]) -> bool:
    """Whether a domain is in a list, by itself or by its label under any suffix (``yahoo.``)."""
    return domain in known or domain_label(domain) + "." in known


def _host(address: str | None) -> str | None:
    """The host name in an address, lower case, non-ASCII in its ``xn--`` form."""
    if not address:
        return None
    text = _SCHEME.sub("", address.strip().lower())
    text = re.split(r"[/?#\s,;]", text, maxsplit=1)[0]
    host = text.rpartition("@")[2].partition(":")[0].strip(".")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    return host if len(host) <= 253 and _HOST.fullmatch(host) else None


def _registered(host: str) -> str | None:
    parts = host.split(".")
    common, national, platforms = _suffixes()
    for length in range(min(3, len(parts) - 1), 1, -1):
        suffix = ".".join(parts[-length:])
        if suffix in platforms:
            return ".".join(parts[-length - 1 :])
    if ".".join(parts) in platforms:
        return None
    last, second = parts[-1], parts[-2]
    of_country = len(last) == 2 and (second in common or (last, second) in national)
    # Below the suffixes of some countries names are registered directly too: "co.uk" alone is none.
    if of_country:
        return ".".join(parts[-3:]) if len(parts) > 2 else None
    return f"{second}.{last}"


@cache
def _suffixes() -> tuple[frozenset[str], frozenset[tuple[str, str]], frozenset[str]]:
    """Second-level labels of all countries, those of one, and platforms."""
    common: set[str] = set()
    national: set[tuple[str, str]] = set()
    platforms: set[str] = set()
    for line in entries("suffixes"):
        first, *labels = line.split()
        if first == "*":
            common.update(labels)
        elif first == ".":
            platforms.update(labels)
        else:
            national.update((first, label) for label in labels)
    return frozenset(common), frozenset(national), frozenset(platforms)
