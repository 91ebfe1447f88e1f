"""Strings that the author of the patterns did not write: what must be found, and what must not.

Found: faker's, the examples of phonenumbers and python-stdnum, keys made from detect-secrets' patterns, tokens and
keys made by PyJWT and cryptography, and what is published (RFC 7515, 7516, 7519; AWS; card schemes' test numbers).
Not to be found: the sources and texts of the standard library and of installed packages, and faker's prose, companies,
dates, hashes, versions and prices, tables of numbers, random bytes. Everything is made from one seed; faker's birth dates
also go by today's date, so what must be found is found on every day.
"""

import base64
import doctest
import html
import importlib
import json
import re
import sysconfig
import textwrap
import uuid
from calendar import monthrange
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import Distribution, distributions
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import quote, urlencode

import jwt
import phonenumbers
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from faker import Faker
from polyfactory.value_generators.regex import RegexFactory

from gateway.values.finding import Kind

SEED = 20261123
LOCALES = [
    "en_US",
    "en_GB",
    "en_IE",
    "de_DE",
    "de_AT",
    "de_CH",
    "fr_FR",
    "fr_CH",
    "es_ES",
    "it_IT",
    "nl_NL",
    "nl_BE",
    "pl_PL",
    "pt_PT",
    "sv_SE",
    "fi_FI",
    "dk_DK",
    "no_NO",
    "et_EE",
    "ro_RO",
    "hr_HR",
    "el_GR",
    "cs_CZ",
    "lt_LT",
    "lv_LV",
    "bg_BG",
    "sl_SI",
    "sk_SK",
    "hu_HU",
    "zh_CN",
    "zh_TW",
    "ja_JP",
]
EUROPE = [
    "GB",
    "DE",
    "FR",
    "ES",
    "IT",
    "NL",
    "PL",
    "BE",
    "PT",
    "SE",
    "FI",
    "DK",
    "IE",
    "AT",
    "CH",
    "NO",
    "CZ",
    "RO",
    "HU",
    "GR",
    "BG",
    "HR",
    "SK",
    "SI",
    "LT",
    "LV",
    "EE",
    "LU",
    "CY",
    "MT",
]


class Positives(NamedTuple):
    """Strings of one kind from one source; `said` is a sentence that they stand in."""

    kind: Kind
    source: str
    strings: list[str]
    said: str = "Please look at {} for me."


class Negatives(NamedTuple):
    source: str
    texts: list[str]


# --- what must be found -----------------------------------------------------------------------------------------------


def fakers(locales: list[str]) -> Iterator[Faker]:
    for number, locale in enumerate(locales):
        faker = Faker(locale)
        faker.seed_instance(SEED + number)
        yield faker


def emails() -> Iterator[Positives]:
    yield Positives(Kind.EMAIL, "faker, 32 locales", [f.email() for f in fakers(LOCALES) for _ in range(20)])
    yield Positives(Kind.EMAIL, "faker, of companies", [f.company_email() for f in fakers(LOCALES) for _ in range(20)])


def examples(regions: list[str], form: int) -> list[str]:
    found = []
    for region in regions:
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                found.append(phonenumbers.format_number(number, form))
    return found


def phones() -> Iterator[Positives]:
    form, every = phonenumbers.PhoneNumberFormat, ["CN", "US", *EUROPE]
    called = "My phone number is {}, thanks."
    yield Positives(Kind.PHONE, "phonenumbers, +E.164, CN US EU", examples(every, form.E164))
    yield Positives(Kind.PHONE, "phonenumbers, international, CN US EU", examples(every, form.INTERNATIONAL))
    yield Positives(
        Kind.PHONE, "phonenumbers, national, CN US EU, said to be a phone", examples(every, form.NATIONAL), called
    )
    yield Positives(Kind.PHONE, "phonenumbers, national, CN US, not said", examples(["CN", "US"], form.NATIONAL))
    yield Positives(Kind.PHONE, "phonenumbers, national, EU, not said", examples(EUROPE, form.NATIONAL))
    faker = {f.locales[0]: f for f in fakers(LOCALES)}
    yield Positives(
        Kind.PHONE, "faker, zh_CN, not said", [faker["zh_CN"].phone_number() for _ in range(200)], "我的号码{}，谢谢"
    )
    yield Positives(Kind.PHONE, "faker, en_US, not said", [faker["en_US"].phone_number() for _ in range(200)])
    europe = [
        f
        for name, f in faker.items()
        if name in {"en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL", "pt_PT"}
    ]
    yield Positives(
        Kind.PHONE, "faker, 8 European locales, said", [f.phone_number() for f in europe for _ in range(40)], called
    )


def ibans() -> Iterator[Positives]:
    written = [f.iban() for f in fakers(LOCALES) for _ in range(10)]
    yield Positives(Kind.IBAN, "faker, 32 locales", written)
    grouped = [" ".join(one[at : at + 4] for at in range(0, len(one), 4)) for one in written]
    yield Positives(Kind.IBAN, "faker, in groups of 4", grouped)


# the test numbers that card schemes and processors publish
PUBLISHED_CARDS = [
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "2223003122003222",
    "5200828282828210",
    "5105105105105100",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "6011000990139424",
    "3056930009020004",
    "36227206271667",
    "3566002020360505",
    "6200000000000005",
    "4111111111111111",
    "4012888888881881",
    "30569309025904",
    "3530111333300000",
    "6304000000000000",
    "2222405343248877",
]


def cards() -> Iterator[Positives]:
    yield Positives(Kind.CARD, "published test numbers", PUBLISHED_CARDS)
    sixteen = [one for one in PUBLISHED_CARDS if len(one) == 16]
    yield Positives(
        Kind.CARD,
        "published, in groups of 4",
        [" ".join(one[at : at + 4] for at in range(0, 16, 4)) for one in sixteen],
    )
    faker = next(fakers(["en_US"]))
    yield Positives(Kind.CARD, "faker, all its schemes, not said", [faker.credit_card_number() for _ in range(500)])
    said = [faker.credit_card_number() for _ in range(500)]
    yield Positives(Kind.CARD, "faker, all its schemes, said to be a card", said, "My credit card is {}.")


# python-stdnum's modules, how such a number is called, faker's locale and method for it
IDS = (
    ("us.ssn", "SSN", "en_US", "ssn"),
    ("us.itin", "ITIN", "en_US", "itin"),
    ("us.ein", "EIN", "en_US", "ein"),
    ("gb.nhs", "NHS number", None, None),
    ("de.idnr", "Steuer-ID", None, None),
    ("fr.nir", "numéro de sécurité sociale", "fr_FR", "ssn"),
    ("es.dni", "DNI", "es_ES", "nif"),
    ("es.nie", "NIE", "es_ES", "nie"),
    ("it.codicefiscale", "codice fiscale", "it_IT", "ssn"),
    ("nl.bsn", "BSN", "nl_NL", "ssn"),
    ("pl.pesel", "PESEL", "pl_PL", "pesel"),
    ("be.nn", "rijksregisternummer", "nl_BE", "ssn"),
    ("pt.nif", "NIF", None, None),
    ("pt.cc", "cartão de cidadão", None, None),
    ("se.personnummer", "personnummer", "sv_SE", "ssn"),
    ("fi.hetu", "hetu", "fi_FI", "ssn"),
    ("dk.cpr", "CPR", None, None),
    ("ie.pps", "PPS number", None, None),
    ("at.vnr", "SVNR", None, None),
    ("no.fodselsnummer", "fødselsnummer", "no_NO", "ssn"),
    ("cz.rc", "rodné číslo", "cs_CZ", "birth_number"),
    ("ro.cnp", "CNP", "ro_RO", "ssn"),
    ("bg.egn", "EGN", None, None),
    ("hr.oib", "OIB", "hr_HR", "ssn"),
    ("gr.amka", "AMKA", None, None),
    ("lt.asmens", "asmens kodas", None, None),
    ("ee.ik", "isikukood", "et_EE", "ssn"),
    ("ch.ssn", "AHV", "de_CH", "ssn"),
)


def doctest_numbers(module: str) -> list[str]:
    """The numbers that a module of python-stdnum takes in its own examples."""
    loaded = importlib.import_module(f"stdnum.{module}")
    cases = doctest.DocTestParser().get_examples(loaded.__doc__ or "")
    quoted = [
        case.source.split("'")[1]
        for case in cases
        if case.source.startswith("validate('") and "Traceback" not in case.want
    ]
    return [one for one in quoted if loaded.is_valid(one)]


def national_ids() -> Iterator[Positives]:
    for module, called, locale, method in IDS:
        said = f"The {called} is {{}}."
        yield Positives(Kind.NATIONAL_ID, f"python-stdnum, {module}", doctest_numbers(module), said)
        if locale:
            made = islice(filter(_is_possible, iter(getattr(next(fakers([locale])), method), None)), 30)
            yield Positives(Kind.NATIONAL_ID, f"faker, {locale} {method}", list(made), said)


_CZECH = re.compile(r"([0-9]{2})([0156][0-9])([0-9]{2})/[0-9]{3,4}")


def _is_possible(number: str) -> bool:
    """False for a Czech birth number of a day that no month has: faker takes a birth date's day and any month.

    Which of its numbers that concerns changes with the day on which they are made.
    """
    written = _CZECH.fullmatch(number)
    if written is None:
        return True
    year, month, day = (int(part) for part in written.groups())  # a woman's month has 50 added
    return 1 <= day <= monthrange(2000 if year == 0 else 1900 + year, month % 50)[1]


def resident_ids() -> Iterator[Positives]:
    faker = next(fakers(["zh_CN"]))
    yield Positives(Kind.RESIDENT_ID_CN, "faker, zh_CN", [faker.ssn() for _ in range(300)], "他的证件{}已登记")
    yield Positives(Kind.RESIDENT_ID_CN, "python-stdnum, cn.ric", doctest_numbers("cn.ric"))


# what is not one maker's key: other kinds have these, or the pattern fits any hash
_NOT_KEYS = {"Public IP (ipv4)", "JSON Web Token", "Private Key"}


def keys() -> Iterator[Positives]:
    dice = Random(SEED)
    for name, plugin in sorted(get_mapping_from_secret_type_to_class().items()):
        if name in _NOT_KEYS:
            continue
        patterns = [pattern.pattern for pattern in getattr(plugin, "denylist", None) or ()]
        made = [RegexFactory(dice)(_made_simple(one)).strip() for one in patterns for _ in range(20)]
        if name == "Basic Auth Credentials":
            made = [f"https{one}db.example.org" for one in made]
        if made:
            yield Positives(Kind.API_KEY, f"detect-secrets, {name}", made)
    yield Positives(Kind.API_KEY, "AWS's documentation", ["AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"])
    secrets = (
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "SecretAccessKey: je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
    )
    yield Positives(Kind.API_KEY, "AWS's documentation, secrets", list(secrets))


def _made_simple(pattern: str) -> str:
    """Without what only looks around; a dot is a letter, as people write it."""
    for part in (r"(?!\w)", r"(?:(?<=\W)|(?<=^))", r"(?![a-zA-Z0-9_\-])", r"(?![a-f0-9])"):
        pattern = pattern.replace(part, "")
    pattern = pattern.replace(r'(?:\s|=|:|"|^)', " ").replace(r'(?:\s|"|$)', " ").replace("{50,1024}", "{50,60}")
    pattern = (
        pattern.replace(r"[^:/\?\#\[\]@!\$\&'\(\)\*\+,;=\s]+", "[a-z0-9]{4,12}")
        .replace(".{0,20}?", "[a-z_]{0,5}", 1)
        .replace(".{0,20}?", " = ")
    )
    pattern = pattern.replace("api.softlayer.com", r"api\.softlayer\.com")
    return pattern.replace(".+", "[a-z0-9]{20}").replace(".*", "").replace(r"\/\/", "//")


# RFC 7519 3.1 and 6.1, RFC 7515 A.1 and A.3, RFC 7516 A.1
PUBLISHED_TOKENS = [
    (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    ),
    "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
    (
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    ),
    "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGe",
]


def tokens() -> Iterator[Positives]:
    yield Positives(Kind.JWT, "RFC 7515, 7516, 7519", PUBLISHED_TOKENS)
    faker = next(fakers(["en_US"]))
    headers = [None, {"kid": "key-1"}, {"kid": "a" * 40, "jku": "https://keys.invalid/set"}]
    made = [
        jwt.encode({"sub": faker.uuid4()}, "k" * 64, algorithm=algorithm, headers=header)
        for algorithm in ("HS256", "HS384", "HS512")
        for header in headers
        for _ in range(10)
    ]
    yield Positives(Kind.JWT, "PyJWT", made)


def private_keys() -> Iterator[Positives]:
    made = [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ]
    ways = [forms.PrivateFormat.PKCS8, forms.PrivateFormat.OpenSSH, forms.PrivateFormat.TraditionalOpenSSL]
    written = []
    for key in made:
        for way in ways:
            if way is forms.PrivateFormat.TraditionalOpenSSL and isinstance(key, ed25519.Ed25519PrivateKey):
                continue
            written.append(key.private_bytes(forms.Encoding.PEM, way, forms.NoEncryption()).decode())
        locked = forms.BestAvailableEncryption(b"a password")
        written.append(key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, locked).decode())
    yield Positives(Kind.PRIVATE_KEY, "cryptography: RSA, EC, Ed25519; PKCS 1 and 8, OpenSSH", written)


def respelled() -> Iterator[Positives]:
    """The same strings as text is sent: by the standard library's encoders, and wrapped by its textwrap."""
    faker = next(fakers(["en_US"]))
    addresses = [faker.email() for _ in range(200)]
    said = [f"{faker.sentence()} {one} {faker.sentence()}" for one in addresses]
    ways: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("percent-encoded (urllib)", lambda text: quote(text, safe="")),
        ("a form's field (urllib)", lambda text: urlencode({"q": text, "page": 1})),
        ("HTML's numbers (codecs)", lambda text: text.replace("@", "&#64;").replace(".", "&#46;")),
        ("base64", lambda text: base64.b64encode(text.encode()).decode()),
        ("base64 for URLs, unpadded", lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")),
        ("base64 over lines (email)", lambda text: base64.encodebytes(text.encode()).decode()),
        (
            "base64 in JSON in JSON",
            lambda text: json.dumps(json.dumps({"a": base64.b64encode(text.encode()).decode()})),
        ),
        ("full width", lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)),
        ("zero-width spaces", "\u200b".join),
    )
    for name, way in ways:
        yield Positives(Kind.EMAIL, f"faker, {name}", [way(one) for one in said])
    numbers = [one for one in (faker.credit_card_number() for _ in range(600)) if len(one) == 16]
    grouped = [" ".join(one[at : at + 4] for at in range(0, 16, 4)) for one in numbers]
    wrapped = [textwrap.fill(f"{faker.sentence()} {one}.", 20, break_on_hyphens=False) for one in grouped]
    yield Positives(Kind.CARD, "faker, in groups, wrapped at 20 characters (textwrap)", wrapped)
    yield Positives(Kind.CARD, "faker, in groups, between tabs", [one.replace(" ", "\t") for one in grouped])
    yield Positives(Kind.CARD, "faker, in groups, no-break spaces", [one.replace(" ", "\u00a0") for one in grouped])
    ibans = [f.iban() for f in fakers(LOCALES) for _ in range(5)]
    spaced = [" ".join(one[at : at + 4] for at in range(0, len(one), 4)) for one in ibans]
    yield Positives(
        Kind.IBAN, "faker, in groups, wrapped at 20 characters (textwrap)", [textwrap.fill(one, 20) for one in spaced]
    )
    logins = [f"{faker.user_name()}:{faker.password()}" for _ in range(200)]
    basic = [f"Authorization: Basic {base64.b64encode(one.encode()).decode()}" for one in logins]
    yield Positives(Kind.API_KEY, "faker, user:password in a Basic header", basic)


@cache
def positives() -> list[Positives]:
    makers = (emails, phones, ibans, cards, national_ids, resident_ids, keys, tokens, private_keys, respelled)
    return [one for maker in makers for one in maker() if one.strings]


# --- what must not be found -------------------------------------------------------------------------------------------

CHUNK = 2000
MOST = 1500


def _chunks(texts: Iterator[str]) -> list[str]:
    chunks = [text[at : at + CHUNK] for text in texts for at in range(0, len(text), CHUNK)]
    chunks = [chunk for chunk in chunks if not _MAY_BE_ADDRESS.search(chunk)]
    Random(SEED).shuffle(chunks)
    return chunks[:MOST]


def _read(paths: Iterator[Path]) -> Iterator[str]:
    for path in sorted(paths):
        yield path.read_text("utf-8", "replace")


# whose descriptions show numbers, addresses and tokens that are to be found
_ABOUT_FINDING = {"phonenumbers", "python-stdnum", "pyjwt", "faker", "detect-secrets"}
_MAY_BE_ADDRESS = re.compile(r"\w@\w")  # authors' addresses are real


def _sources() -> Negatives:
    folder = Path(sysconfig.get_paths()["stdlib"])
    return Negatives("the standard library's sources", _chunks(_read(folder.glob("*.py"))))


def _packages() -> list[Distribution]:
    return sorted((one for one in distributions() if one.name.lower() not in _ABOUT_FINDING), key=lambda one: one.name)


def _readmes() -> Negatives:
    texts = (one.read_text("METADATA") or "" for one in _packages())
    return Negatives("installed packages' descriptions", _chunks(texts))


def _licences() -> Negatives:
    files = (path.locate() for one in _packages() for path in one.files or () if "LICENSE" in path.name)
    return Negatives(
        "installed packages' licences", _chunks(_read(Path(path) for path in files if Path(path).is_file()))
    )


def _fakers_text() -> Iterator[Negatives]:
    every = list(fakers(LOCALES))
    yield Negatives("faker: prose, 32 locales", [f.text(1500) for f in every for _ in range(20)])
    yield Negatives(
        "faker: companies and addresses, 32 locales",
        [_lines(f.company, f.address, f.city, f.postcode) for f in every for _ in range(20)],
    )
    faker = every[0]
    yield Negatives(
        "faker: UUIDs and hashes", [_lines(faker.uuid4, faker.md5, faker.sha1, faker.sha256) for _ in range(500)]
    )
    yield Negatives(
        "faker: dates and times",
        [_lines(faker.iso8601, faker.date, faker.unix_time, faker.date_time, faker.time) for _ in range(500)],
    )
    net = (faker.ipv4, faker.ipv6, faker.mac_address, faker.uri, faker.user_agent, faker.file_path, faker.port_number)
    yield Negatives("faker: network and files", [_lines(*net) for _ in range(500)])
    sums = (
        faker.pricetag,
        faker.ean13,
        faker.isbn13,
        faker.isbn10,
        faker.latitude,
        faker.pyfloat,
        faker.license_plate,
        faker.swift,
    )
    yield Negatives("faker: prices, book numbers, coordinates", [_lines(*sums) for _ in range(500)])
    dice = Random(SEED)
    yield Negatives(
        "ids of 8 to 19 digits, one a text",
        [f"Order {dice.randrange(10**7, 10 ** dice.randrange(8, 20))} has shipped." for _ in range(1000)],
    )
    yield Negatives(
        "tables of numbers, by tabs and lines",
        [_table(dice, columns) for columns in range(1, 9) for _ in range(100)],
    )
    yield Negatives(
        "faker: prose in base64, URLs and HTML",
        [
            one
            for f in every
            for _ in range(5)
            for one in (
                base64.b64encode(f.text(400).encode()).decode(),
                f"{f.uri()}?{urlencode({'q': f.sentence(), 'r': f.word()})}",
                f"<p>{html.escape(f.text(200))}&nbsp;&#8364;{f.pyfloat(right_digits=2)}</p>",
            )
        ],
    )
    yield Negatives(
        "random bytes in base64, over lines", [base64.encodebytes(dice.randbytes(900)).decode() for _ in range(500)]
    )
    yield Negatives(
        "calls' ids",
        [
            f'{{"id": "call_{uuid.UUID(int=dice.getrandbits(128)).hex[:24]}", "index": {dice.getrandbits(40)}}}'
            for _ in range(500)
        ],
    )


def _table(dice: Random, columns: int) -> str:
    """Whole numbers of one to six digits, eight rows."""
    rows = ["\t".join(str(dice.randrange(10 ** dice.randrange(1, 7))) for _ in range(columns)) for _ in range(8)]
    return "\n".join(rows)


def _lines(*makers: object) -> str:
    return "\n".join(f"{maker()}, " for maker in makers for _ in range(4))  # type: ignore[operator]


@cache
def negatives() -> list[Negatives]:
    return [_sources(), _readmes(), _licences(), *_fakers_text()]
