"""Words that the generated companies and people are made of."""

# ruff: noqa: E501, SIM905  the tables read better unbroken and unquoted
from __future__ import annotations

__all__ = [
    "CITIES",
    "COMPANY_STEMS",
    "DEPARTMENTS",
    "FIRST_NAMES",
    "INDUSTRIES",
    "LAST_NAMES",
    "RANKS",
    "TRADES",
]

FIRST_NAMES = """
    Aaliyah Adam Aisha Alejandro Alice Amara Amelie Ana Anders Andrea Anil Anna Antoine Arjun Astrid Ayumi
    Beatriz Benjamin Björn Camila Carla Carlos Caroline Cedric Chiara Chloe Christoph Clara Daniel David
    Deepa Diego Eduardo Elena Elif Emeka Emil Emma Erik Esra Eva Fatima Felix Fiona Florian Francesca
    Freya Gabriel Giulia Grace Greta Hana Hannah Hans Haruto Helena Henrik Hiroshi Ida Ines Ingrid Isabel
    Ivan Jack James Jana Jasmin Javier Jens Jia Johanna John Jonas Jorge Julia Jun Kaito Kamal Karin
    Kateryna Katrin Kenji Kofi Lars Laura Lea Leila Lena Leo Liam Lin Linnea Lorenzo Louise Lucia Luis
    Luka Magnus Maja Malik Manuel Marco Margaux Maria Marie Mark Marta Martin Mateo Maya Mei Mia Miguel
    Milan Mohammed Mona Nadia Naoko Nathalie Nia Nicolas Nils Nina Noah Nora Olga Oliver Olivia Omar Oscar
    Paolo Paul Petra Pierre Priyanka Quentin Rafael Rania Ravi Renata Robert Rosa Ruth Sakura Samir Samuel
    Sandra Sanjay Sara Sebastian Sergei Shreya Simon Sofia Sophie Stefan Sven Tariq Thea Thomas Tim Tomas
    Ursula Valentina Vera Victor Vikram Wei William Xenia Yara Yasmin Yuki Yusuf Zoe
""".split()

LAST_NAMES = """
    Abe Adeyemi Ahmed Almeida Alvarez Andersen Andersson Bauer Becker Bennett Berg Bernard Bianchi Brandt
    Brown Bruno Carter Castro Chen Cohen Colombo Conti Cooper Costa Cruz Dahl Das Davies Diaz Dubois
    Eriksen Evans Farah Faure Fernandez Ferrari Fischer Fontaine Foster Fournier Garcia Gomez Gonzalez
    Gray Greco Green Gupta Haas Hall Hansen Harris Hartmann Hassan Hayashi Hernandez Hoffmann Holm Huang
    Hughes Ibrahim Ito Ivanov Jackson Jain Jansen Jensen Johansson Jones Joshi Kaiser Karlsson Kato Keller
    Kelly Khan Kim Klein Kobayashi Koch Kovacs Kowalski Kumar Lange Larsen Laurent Lee Lehmann Leroy Lewis
    Li Lim Lindberg Liu Lopez Maier Marchetti Marino Martin Martinez Mbeki Mehta Meyer Mitchell Miller
    Mori Moreau Morgan Moretti Müller Murphy Nakamura Nguyen Nielsen Novak Nowak Okafor Olsen Ortiz Osei
    Park Patel Pereira Petersen Petit Popescu Rao Reyes Ricci Richter Rivera Roberts Rodriguez Romano
    Rossi Roux Ruiz Saito Sanchez Santos Sato Schmidt Schneider Schulz Shah Sharma Silva Simon Singh Smith
    Sokolov Suzuki Svensson Takahashi Tanaka Taylor Thomas Torres Tran Turner Vargas Vogel Wagner Walker
    Wang Watson Weber Weiss White Williams Wilson Wolf Wong Wright Wu Yamamoto Yang Yilmaz Young Zhang
    Zhou Zimmermann
""".split()

COMPANY_STEMS = """
    Adler Alder Altona Amber Anchor Arbor Arcadia Argent Aster Aurora Avalon Beacon Birch Blackwood
    Borealis Bramble Bridgewater Brightwell Calder Cambria Cardinal Cascade Cedar Cobalt Copper Corvus
    Crescent Delta Drayton Eastgate Elara Elmwood Ember Equinox Falcon Fairmont Fjord Foxglove Garnet
    Glenmore Granite Greyline Halden Harbor Hawthorn Helios Hollis Horizon Indigo Ironbridge Juniper
    Kestrel Keystone Kingsley Lakeside Larch Lindgren Lumen Magnolia Maple Marlow Meridian Mistral
    Montrose Nimbus Nordwind Northfield Nova Oakridge Obsidian Onyx Orchard Orion Osprey Pacific Palmer
    Pembroke Pinewood Polaris Quarry Quill Radiant Redwood Ridgeway Riverton Rowan Sable Saffron Sequoia
    Silverline Skylark Solstice Sterling Stonebridge Summit Sycamore Talbot Tamarack Terra Thornton
    Tidewater Trident Valor Vanguard Verdant Vesper Waverly Wexford Willow Windermere Wyndham Yarrow
    Zenith Zephyr
""".split()

# What a company does: the last word of its name, and its industry.
TRADES = (
    ("Robotics", "Manufacturing"), ("Logistics", "Transportation"), ("Foods", "Food & Beverage"),
    ("Software", "Technology"), ("Analytics", "Technology"), ("Pharma", "Biotechnology"), ("Energy", "Energy"),
    ("Solar", "Energy"), ("Bank", "Banking"), ("Insurance", "Insurance"), ("Hospitals", "Healthcare"),
    ("Medical", "Healthcare"), ("Chemicals", "Chemicals"), ("Steel", "Manufacturing"), ("Motors", "Manufacturing"),
    ("Aerospace", "Aerospace"), ("Telecom", "Telecommunications"), ("Media", "Media"), ("Retail", "Retail"),
    ("Fashion", "Apparel"), ("Construction", "Construction"), ("Engineering", "Engineering"),
    ("Consulting", "Consulting"), ("Learning", "Education"), ("Hotels", "Hospitality"), ("Shipping", "Shipping"),
    ("Packaging", "Manufacturing"), ("Networks", "Telecommunications"), ("Security", "Technology"),
    ("Water", "Utilities"),
)  # fmt: skip

INDUSTRIES = tuple(sorted({industry for _, industry in TRADES}))

# City, state, country.
CITIES = (
    ("Boston", "MA", "US"), ("Austin", "TX", "US"), ("Chicago", "IL", "US"), ("Denver", "CO", "US"),
    ("Seattle", "WA", "US"), ("Atlanta", "GA", "US"), ("San Jose", "CA", "US"), ("New York", "NY", "US"),
    ("Toronto", "ON", "CA"), ("Montréal", "QC", "CA"), ("London", "", "GB"), ("Leeds", "", "GB"),
    ("Dublin", "", "IE"), ("Hamburg", "", "DE"), ("München", "", "DE"), ("Berlin", "", "DE"), ("Köln", "", "DE"),
    ("Paris", "", "FR"), ("Lyon", "", "FR"), ("Madrid", "", "ES"), ("Milano", "", "IT"), ("Amsterdam", "", "NL"),
    ("Zürich", "", "CH"), ("Stockholm", "", "SE"), ("København", "", "DK"), ("Warszawa", "", "PL"),
    ("Osaka", "", "JP"), ("Singapore", "", "SG"), ("Sydney", "NSW", "AU"), ("São Paulo", "SP", "BR"),
)  # fmt: skip

LEGAL_FORMS = {
    "US": "Inc.", "CA": "Inc.", "GB": "Ltd", "IE": "Ltd", "DE": "GmbH", "CH": "AG", "FR": "SAS", "ES": "SA",
    "IT": "S.p.A.", "NL": "B.V.", "SE": "AB", "DK": "A/S", "PL": "Sp. z o.o.", "JP": "K.K.", "SG": "Pte. Ltd",
    "AU": "Pty Ltd", "BR": "Ltda.",
}  # fmt: skip

DEPARTMENTS = (
    "Marketing", "Sales", "IT", "Finance", "Operations", "Purchasing", "Engineering", "HR", "Legal", "Data",
)  # fmt: skip
RANKS = (
    "{} Analyst", "{} Specialist", "{} Manager", "Senior {} Manager", "Head of {}", "Director of {}",
    "Vice President {}", "Chief {} Officer",
)  # fmt: skip
