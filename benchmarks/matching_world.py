"""Made-up leads and accounts for matching, with the truth about them. A function of its seed and sizes.

Meant to be as hard as lists of leads are, and fair: what no person could tell apart is rare, and what is
named is said. Companies take their names from a skewed vocabulary, so many share a word and some a whole
name; groups have subsidiaries, which often share a domain; some accounts stand there twice; some websites
are wrong or missing. Leads come from forms: other legal forms, typing errors, short words, parts left out,
places and departments added, the group's name instead of the company's, public or foreign mail, wrong
countries. One lead in five is of a company that has no account, often with a name close to one that has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

import pyarrow as pa
import yaml

__all__ = ["World", "make"]

COMPANIES = 47_000
TWICE = 3_000
LEADS = 100_000
WITHOUT_ACCOUNT = 0.2

_WORDS = yaml.safe_load((Path(__file__).parent / "matching_words.yaml").read_text("utf-8"))
SYLLABLES, SURNAMES, WORDS, PLACES, TRADES, PUBLIC = (
    _WORDS[name].split() for name in ("syllables", "surnames", "words", "places", "trades", "public")
)
SHORT = {
    "International": "Intl",
    "Technologies": "Tech",
    "Services": "Svcs",
    "Systems": "Sys",
    "Industries": "Ind.",
    "Group": "Grp",
    "Laboratories": "Labs",
    "Solutions": "Soln",
    "Engineering": "Eng.",
    "Pharmaceuticals": "Pharma",
    "Holdings": "Hldgs",
    "Consulting": "Cons.",
}
# Country, share, suffixes of domains, legal forms.
COUNTRIES = (
    ("US", 30, ("com", "com", "com", "net", "io"), ("Inc", "Inc.", "LLC", "Corp.", "Corporation", "Co.")),
    ("DE", 18, ("de", "de", "com"), ("GmbH", "AG", "GmbH & Co. KG", "SE", "KG")),
    ("GB", 14, ("co.uk", "co.uk", "com"), ("Ltd", "Limited", "PLC", "LLP")),
    ("FR", 9, ("fr", "com"), ("SA", "S.A.S.", "SARL", "SAS")),
    ("NL", 5, ("nl", "com"), ("B.V.", "BV", "N.V.")),
    ("IT", 5, ("it", "com"), ("S.p.A.", "Srl", "S.r.l.")),
    ("ES", 5, ("es", "com"), ("S.L.", "S.A.", "SL")),
    ("SE", 4, ("se", "com"), ("AB",)),
    ("CH", 4, ("ch", "com"), ("AG", "GmbH", "SA")),
    ("AU", 3, ("com.au", "com"), ("Pty Ltd", "Ltd")),
    ("JP", 3, ("co.jp", "jp"), ("株式会社", "Co., Ltd.", "K.K.")),
)
SPELLED = {
    "US": ("US", "USA", "United States", "us"),
    "DE": ("DE", "Germany", "Deutschland"),
    "GB": ("GB", "UK", "United Kingdom"),
    "FR": ("FR", "France"),
    "NL": ("NL", "Netherlands"),
    "IT": ("IT", "Italy", "Italia"),
    "ES": ("ES", "Spain", "España"),
    "SE": ("SE", "Sweden"),
    "CH": ("CH", "Switzerland", "Schweiz"),
    "AU": ("AU", "Australia"),
    "JP": ("JP", "Japan"),
}
KANJI = "東京北海山川大中本田木林森石井松竹高新日光和平明青白金銀電工業化学商事建設製薬食品"
DEPARTMENTS = ("Marketing", "IT Department", "Sales", "Procurement", "HR", "R&D", "Headquarters")
UMLAUTS = str.maketrans({"ü": "ue", "ö": "oe", "ä": "ae", "ø": "oe", "é": "e", "è": "e", "í": "i", "ń": "n"})


@dataclass(slots=True)
class Company:
    """A real company, in the truth."""

    words: tuple[str, ...]
    form: str
    country: str
    city: str
    postal: str
    street: str
    phone: str
    site: str
    mail: str
    group: tuple[str, ...] | None

    @property
    def name(self) -> str:
        """As its register has it."""
        if self.form == "株式会社":
            return self.form + "".join(self.words)
        return " ".join((*self.words, self.form))


@dataclass(frozen=True)
class World:
    """Records of both sides, and to which company each belongs.

    Args:
        leads: as ``Side`` takes them; ids from 0.
        accounts: the same; ids from 0.
        of_lead: company of each lead; at or above ``companies`` if it has no account.
        of_account: company of each account.
        companies: how many have accounts.
    """

    leads: pa.Table
    accounts: pa.Table
    of_lead: list[int]
    of_account: list[int]
    companies: int


def make(seed: int, companies: int = COMPANIES, twice: int = TWICE, leads: int = LEADS) -> World:
    """The world of a seed."""
    rng = Random(seed)
    taken: set[str] = set()
    known = _companies(rng, companies, taken)
    # Companies without accounts: half by chance, half next to one that has an account.
    strangers = _companies(rng, companies // 5, taken)
    for place in range(0, len(strangers), 2):
        strangers[place] = _neighbour(rng, known[rng.randrange(companies)], strangers[place], taken)
    accounts = [_account(rng, one, known) for one in known]
    of_account = list(range(companies))
    for _ in range(twice):
        company = rng.randrange(companies)
        accounts.append(_second(rng, known[company], known))
        of_account.append(company)
    of_lead, rows = [], []
    for _ in range(leads):
        if rng.random() < WITHOUT_ACCOUNT:
            company = rng.randrange(len(strangers))
            rows.append(_lead(rng, strangers[company], known))
            of_lead.append(companies + company)
        else:
            company = rng.randrange(companies)
            rows.append(_lead(rng, known[company], known))
            of_lead.append(company)
    return World(_table(rows), _table(accounts), of_lead, of_account, companies)


def _table(rows: list[dict[str, str | None]]) -> pa.Table:
    names = ("name", "website", "email_domain", "country", "city", "street", "postal", "phone", "duns")
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    return pa.table({"id": pa.array(range(len(rows)), pa.int64()), **columns})


def _companies(rng: Random, number: int, taken: set[str]) -> list[Company]:
    found: list[Company] = []
    while len(found) < number:
        one = _company(rng, taken)
        found.append(one)
        # One in twelve heads a group: its name, another trade or place, mostly its domain.
        if rng.random() < 0.08:
            found += [_subsidiary(rng, one, taken) for _ in range(rng.randint(1, 4))]
    return found[:number]


def _company(rng: Random, taken: set[str]) -> Company:
    country, _, endings, forms = rng.choices(COUNTRIES, [share for _, share, _, _ in COUNTRIES])[0]
    form = rng.choice(forms)
    if form == "株式会社":
        words: tuple[str, ...] = ("".join(rng.choices(KANJI, k=rng.randint(2, 5))),)
        slug = "".join(rng.choices(SYLLABLES, k=rng.randint(2, 4)))
    else:
        words = _words(rng)
        slug = _slug(rng, words)
    site = _registered(rng, slug, endings, taken)
    chance = rng.random()
    mail = site
    if chance < 0.04:
        mail = f"{slug}-{rng.choice(('group', 'mail', 'corp'))}.com"
    elif chance < 0.08:  # a brand, or the owner's
        mail = _registered(rng, "".join(rng.choices(SYLLABLES, k=3)), endings, taken)
    return Company(words, form, country, *_place(rng), site, mail, None)


def _registered(rng: Random, slug: str, endings: tuple[str, ...], taken: set[str]) -> str:
    """A domain that nobody has yet: the slug under one of the endings, else with something added."""
    for added in ("", "", "", f"-{rng.choice(PLACES).lower().translate(UMLAUTS)}", "-group", *SYLLABLES):
        site = f"{slug}{added}.{rng.choice(endings)}"
        if site not in taken:
            break
    taken.add(site)
    return site


def _place(rng: Random) -> tuple[str, str, str, str]:
    city = rng.choice(PLACES) if rng.random() < 0.7 else "".join(rng.choices(SYLLABLES, k=3)).title()
    street = (
        f"{rng.choice(SURNAMES)} {rng.choice(('Street', 'Road', 'Str.', 'Avenue'))} {rng.randint(1, 200)}"
    )
    phone = f"+{rng.randint(1, 99)} {rng.randint(10, 999)} {rng.randint(100_0000, 999_9999)}"
    return city, f"{rng.randint(10_000, 99_999)}", street, phone


def _words(rng: Random) -> tuple[str, ...]:
    kind = rng.random()
    # A low power of a uniform number makes some words far more common than others.
    if kind < 0.45:
        brand = ["".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))).title()]
    elif kind < 0.67:
        brand = [SURNAMES[int(len(SURNAMES) * rng.random() ** 1.5)]]
        if rng.random() < 0.35:
            brand += ["&", rng.choice((*SURNAMES, "Sons", "Söhne", "Partners"))]
    elif kind < 0.88:
        brand = [WORDS[int(len(WORDS) * rng.random() ** 1.5)]]
        if rng.random() < 0.5:
            brand.append(rng.choice((*WORDS, *PLACES)))
    elif kind < 0.95:
        brand = [rng.choice(PLACES)]
    else:
        brand = ["".join(rng.choices("ABCDEFGHIKLMNOPRSTVWX", k=rng.randint(3, 4)))]
    trades = rng.choices((0, 1, 2), (18, 57, 25))[0] if kind < 0.45 else rng.choices((1, 2), (60, 40))[0]
    if kind >= 0.45 and rng.random() < 0.25:
        brand.append("".join(rng.choices(SYLLABLES, k=2)).title())
    return (*brand, *rng.sample(TRADES, trades))


def _slug(rng: Random, words: tuple[str, ...]) -> str:
    plain = [word.lower().translate(UMLAUTS) for word in words if word != "&"]
    style = rng.random()
    if style < 0.45 or len(plain) == 1:
        slug = "".join(plain)
    elif style < 0.65:
        slug = "-".join(plain)
    elif style < 0.9:
        slug = plain[0] + (plain[1] if len(plain) > 1 and rng.random() < 0.5 else "")
    else:
        slug = "".join(word[0] for word in plain) + rng.choice(SYLLABLES)
    return (
        "".join(letter for letter in slug if letter.isascii() and (letter.isalnum() or letter == "-")) or "x"
    )


def _subsidiary(rng: Random, head: Company, taken: set[str]) -> Company:
    other = _company(rng, taken)
    country = head.country if rng.random() < 0.5 else other.country
    base = head.words[: max(1, len(head.words) - rng.randint(0, 1))]
    added = rng.choice(TRADES) if rng.random() < 0.6 else rng.choice(PLACES)
    same = rng.random() < 0.6
    return Company(
        (*base, added),
        other.form if country == other.country else head.form,
        country,
        *_place(rng),
        head.site if same else other.site,
        head.mail if same else other.mail,
        head.words,
    )


def _neighbour(rng: Random, known: Company, other: Company, taken: set[str]) -> Company:
    """A company of another owner whose name is close to a known one's."""
    words = (
        (*known.words[:-1], rng.choice(TRADES))
        if len(known.words) > 1
        else (*known.words, rng.choice(TRADES))
    )
    site = _registered(rng, _slug(rng, words), ("com", "net", "biz", "org"), taken)
    return Company(
        words,
        other.form if other.form != "株式会社" else "K.K.",
        other.country,
        other.city,
        other.postal,
        other.street,
        other.phone,
        site,
        site,
        None,
    )


def _account(rng: Random, one: Company, known: list[Company]) -> dict[str, str | None]:
    site: str | None = one.site
    chance = rng.random()
    if chance < 0.12:
        site = None
    elif chance < 0.14:
        site = rng.choice(known).site  # a wrong one
    elif chance < 0.15:
        site = f"facebook.com/{one.words[0].lower()}"
    style = rng.random()
    if site and style < 0.6:
        site = ("https://www." if style < 0.3 else "www.") + site
    return {
        "name": one.name if rng.random() < 0.9 else " ".join(one.words).upper(),
        "website": site,
        "country": rng.choice(SPELLED[one.country]) if rng.random() < 0.95 else None,
        "city": one.city if rng.random() < 0.9 else None,
        "street": one.street if rng.random() < 0.8 else None,
        "postal": one.postal if rng.random() < 0.85 else None,
        "phone": one.phone if rng.random() < 0.6 else None,
    }


def _second(rng: Random, one: Company, known: list[Company]) -> dict[str, str | None]:
    """The same company as another system has it."""
    row = _account(rng, one, known)
    row["name"] = _written(rng, one, 0.5)
    if rng.random() < 0.3:
        row["street"] = None
    return row


def _lead(rng: Random, one: Company, known: list[Company]) -> dict[str, str | None]:
    chance = rng.random()
    mail: str | None
    if chance < 0.62:
        mail = one.mail
    elif chance < 0.88:
        mail = rng.choice(PUBLIC)
    elif chance < 0.90:
        mail = rng.choice(known).mail  # an agency, a former employer
    else:
        mail = None
    name: str | None = _written(rng, one, 1.0)
    chance = rng.random()
    if chance < 0.04:
        name = None
    elif chance < 0.06:
        name = rng.choice(("n/a", "Self-employed", "Test", "-", "unknown", "privat"))
    # One in ten sits at a branch.
    city, postal, *_ = _place(rng) if rng.random() < 0.1 else (one.city, one.postal)
    country: str | None = None
    if rng.random() < 0.85:
        country = one.country if rng.random() < 0.97 else rng.choice(COUNTRIES)[0]
    return {
        "name": name,
        "email_domain": f"{rng.choice(('mail', 'de', 'emea'))}.{mail}"
        if mail == one.mail and rng.random() < 0.04
        else mail,
        "website": one.site if rng.random() < 0.1 else None,
        "country": rng.choice(SPELLED[country]) if country else None,
        "city": city if rng.random() < 0.5 else None,
        "postal": postal if rng.random() < 0.35 else None,
        "phone": one.phone if rng.random() < 0.12 else None,
    }


def _written(rng: Random, one: Company, care: float) -> str:
    """A company's name as somebody writes it; ``care`` scales how often it differs."""
    text = " ".join(_said(rng, one, care))
    if one.form == "株式会社":
        return f"{one.form}{text}" if rng.random() < 0.5 else text
    chance = rng.random()
    if chance < 0.22 * care:
        text = _mistyped(rng, text)
        if chance < 0.04 * care:
            text = _mistyped(rng, text)
    form = rng.random()
    if form < 0.35:
        text = f"{text} {one.form}"
    elif form < 0.45:
        text = f"{text} {rng.choice(('Inc', 'Ltd.', 'GmbH', 'LLC', 'Co'))}"
    if rng.random() < 0.04 * care:
        text = f"{text} {rng.choice((one.city, one.country, *DEPARTMENTS))}"
    case = rng.random()
    return text.lower() if case < 0.12 else text.upper() if case < 0.18 else text


def _said(rng: Random, one: Company, care: float) -> list[str]:
    """The words of the name that are said, and how they are spelled."""
    words = list(one.words)
    if one.group and rng.random() < 0.05 * care:
        words = list(one.group)
    if len(words) > 1 and rng.random() < 0.07 * care:
        words = words[:-1]
    if rng.random() < 0.12:
        words = [SHORT.get(word, word) for word in words]
    if len(words) > 1 and rng.random() < 0.02 * care:
        rng.shuffle(words)
    if rng.random() < 0.5:
        words = [word.translate(UMLAUTS) for word in words]
    if rng.random() < 0.3:
        words = ["and" if word == "&" else word for word in words]
    if len(words) >= 3 and rng.random() < 0.02 * care:
        return ["".join(word[0] for word in words)]
    return words


def _mistyped(rng: Random, text: str) -> str:
    place = rng.randrange(len(text))
    letter = rng.choice("abcdefghijklmnopqrstuvwxyz")
    kind = rng.randrange(4)
    if kind == 0:
        return text[:place] + text[place + 1 :] or text
    if kind == 1:
        return text[:place] + letter + text[place:]
    if kind == 2:
        return text[:place] + letter + text[place + 1 :]
    return text[:place] + text[place + 1 : place + 2] + text[place : place + 1] + text[place + 2 :]
