"""What a code base is, and what is done to a site of it, behind one interface."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final

from aegir_components.messages import numbered

from . import fields as field_types
from . import personal as personal_data
from . import updates as database_updates
from .addresses import Addresses
from .php import Range
from .values import Values

UNAVAILABLE: Final = 2611
"""The number of the message that a site answers 503."""
DOCROOTS = (".", "web", "docroot", "html")
"""Where a code base may have its document root, in the order in which they are looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeBase:
    """What was found in a platform's source."""

    application: str
    version: str
    docroot: str
    profiles: tuple[str, ...] = ()
    """Install profiles, sorted; empty where the application has none."""
    php: Range = field(default_factory=Range)
    """The versions of PHP that it runs on."""
    languages: tuple[str, ...] = ()
    """Languages that the code base brings a translation for, beside English."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """What the profiles, and a distribution's above all, call themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An HTTP answer, as much of it as tells whether the application is behind it."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: str
    fingerprint: str = ""
    """SHA-256 of the certificate that was shown, in hexadecimal digits; empty over plain HTTP."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """A file of this program in a code base: kept beside the sites' data, and linked into each release."""

    link: str
    """Where the code base has it, from the document root."""
    path: str
    """Where it is, below the directory of all sites' data."""
    template: str


@dataclass(frozen=True, slots=True)
class Prefixed:
    """A column whose values begin with the prefix of tables."""

    table: str
    """A pattern of tables, without their prefix."""
    column: str
    where: str = ""
    """Which rows, as a further condition in SQL; its percent signs are doubled."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """One kind of code base: pure functions and patterns, no I/O but reading the source in ``detect``."""

    name: str
    title: str
    detect: Callable[[Path], CodeBase | None]
    """Look into a source directory."""
    exclusions: tuple[str, ...]
    """rsync patterns, from the document root, of what a code base must not bring: other sites' settings and data."""
    settings_name: str
    """The settings file's name in the site's directory."""
    settings_template: str
    addresses: Addresses
    """What the web servers serve, run and deny."""
    installer: tuple[str, ...]
    """The PHP files that install a site, one after the other; they print ``::installed``, ``::present`` or ``::half``."""
    password: tuple[str, ...]
    """The PHP files that give an account a password; they print ``::changed``."""
    login: tuple[str, ...]
    """The PHP files that make a one-time login; they print ``::link`` and the address."""
    caches: tuple[str, ...]
    """The PHP files that empty what is kept of pages and configuration; they print ``::rebuilt``."""
    front: tuple[str, ...]
    """The PHP files that make the front page; they print ``::page``, and in base 64 what was answered from which database."""
    update: tuple[tuple[str, Mapping[str, str], tuple[str, ...]], ...]
    """What gives a database the updates that it lacks: phases, each a process, with what its program is told and its PHP files.

    They print ``::ran``, ``::failed`` and ``::warned`` with a name and a text in base 64, and ``::done`` at the end."""
    ephemeral: tuple[str, ...]
    """Patterns of tables whose rows nobody misses: what changes there meanwhile is no write that counts."""
    carried: tuple[str, ...]
    """Patterns of those among them that stay as they are when a database is exchanged, such as sessions."""
    caching: tuple[str, ...]
    """Files of a code base, from the document root, without which the application keeps nothing; none where it always does."""
    login_lasts: str
    """For how long it is good, for "it is good …"."""
    read_updates: Callable[[], database_updates.Updates]
    """Give ``updates``: a run that needs none executes no module of theirs."""
    values: Values
    """What a stack file may tell its settings file."""
    read_personal: Callable[[], Sequence[personal_data.Rule]]
    """Give ``personal``, likewise."""
    tables: tuple[str, ...]
    """Tables that every site of it has, without their prefix: how a dump is known."""
    by_hand: str
    """How a person empties its caches, for "or …"."""
    judge: Callable[[Answer], str | None]
    """Say why an answer is not the application's; ``None`` when it is."""
    translations: str
    """Where the code base has a translation, with ``{language}`` and ``{version}``, from the document root."""
    translated: Callable[[CodeBase, str, Sequence[str]], Iterable[tuple[str, str]]]
    """Choose the files of a language among many, each with its place from the document root."""
    means: Callable[[str], tuple[str, ...]]
    """Give the languages that a code may mean which is none of the application's own."""
    language_page: str
    """Where an installed site's language is chosen, for "in the site itself, …"."""
    english: frozenset[str] = frozenset({"en"})
    """Codes of the language that every code base has."""
    fetches: str = ""
    """The server that its installer asks for a translation that is not there; empty where it asks none."""
    translates_once: bool = True
    """Whether a translation is read by the installer alone."""
    profiles: bool = True
    """Whether it is installed by one of several install profiles."""
    copies_modes: bool = False
    """Whether uploads take the mode of the directory that they are put in, so that the web server needs an access list."""
    paired: str = ""
    """The directory below a site's own whose content belongs with its database, such as ``config/active``; empty for none.

    An update that is rolled back restores it, and content that comes from elsewhere brings it with the database. Its first part
    is shared where uploads are."""
    config: tuple[str, ...] = ()
    """The PHP files that import the configuration directory; none where the application has no such directory."""
    silent: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """``settings`` and ``config`` that keep all mail in a site; what it needs beside them is in its settings template."""
    by_php: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Those that have all mail sent by PHP's own function, which is told where it goes (``deploy/mail.py``)."""
    ini: Mapping[str, str] = field(default_factory=dict)
    """Values of php.ini that core proposes; a site's own come first."""
    cron: str = ""
    """The PHP file that runs what is due; it takes site and document root from the environment."""
    often: str = "hourly"
    """How often that is, where the stack file says nothing."""
    family: str = ""
    """What it is called before a version and in a platform's name, where that is not its title."""
    prefix: str = ""
    """What the names of a site's tables begin with."""
    prefixed: tuple[Prefixed, ...] = ()
    """Where content has the prefix besides."""
    read_fields: Callable[[], field_types.Fields | None] = lambda: None
    """Give ``fields``, likewise."""
    main_table: Callable[[str], str] = str
    """Give the table whose rules hold for a table: another one where one database has tables of several sites."""
    has_address: bool = False
    """Whether content has its site's address in it, which has to be rewritten when that changes."""
    caches_files: bool = False
    """Whether its caches name files among the uploads, so that they are emptied when these are exchanged."""
    scaffold: str = ""
    """What to do when Composer has not made the document root's files; empty where nothing special is known."""
    core_part: tuple[str, str] = ("drupal", "drupal")
    """Kind and name of its core among the parts that advisories are looked up for."""
    extensions: frozenset[str] = frozenset({"drupal"})
    """Kinds of its extensions among these parts."""
    shared: tuple[Shared, ...] = ()
    """Our files that all sites of a platform share."""

    @property
    def updates(self) -> database_updates.Updates:
        """How pending database updates are found."""
        return self.read_updates()

    @property
    def personal(self) -> Sequence[personal_data.Rule]:
        """What becomes of the columns of its tables when a site is sanitised."""
        return self.read_personal()

    @property
    def fields(self) -> field_types.Fields | None:
        """Where a database has the types of its content's fields; ``None`` where it has none."""
        return self.read_fields()

    @property
    def shares_config(self) -> bool:
        """Whether the directory of its configuration is shared where uploads are: all web servers have one database."""
        return self.paired.partition("/")[0] == "config"

    @property
    def called(self) -> str:
        """What it is called before a version."""
        return self.family or self.title

    def mail_kept(self, mail: str) -> Mapping[str, Mapping[str, Any]]:
        """Give ``settings`` and ``config`` for where a site's mail goes: ``on``, ``off``, or the address that gets all of it."""
        return {"on": {}, "off": self.silent}.get(mail, self.by_php)


def server_error(answer: Answer) -> str:
    """Say that a web server answers with an error of its own; 503 is what a site answers that somebody has closed."""
    if answer.status == 503:
        return numbered(2611, f"answers 503: {first_words(answer.body)}")
    if answer.status in {502, 504}:
        return numbered(
            2612, f"answers {answer.status}: its web server got no answer of PHP. Check it: aegir status --live"
        )
    return numbered(2601, f"answers {answer.status}: {first_words(answer.body)}")


def first_words(body: str) -> str:
    """Give the beginning of a page as text, for an error message."""
    shown = re.sub(r"(?is)<(style|script)\b.*?</\1>", " ", body)
    return " ".join(re.sub(r"<[^>]*>", " ", shown).split())[:160] or "an empty page"


def program(values: Mapping[str, Any], *names: str) -> str:
    """Put a PHP program together from files of this package and its input; for PHP's stdin, since it holds secrets.

    Args:
        values: the input.
        names: of the files, in their order: ``<application>/<file>.php``, or the name alone where all applications share it.
    """
    package = resources.files(__package__)
    parts = [package.joinpath(name).read_text(encoding="utf-8").removeprefix("<?php\n") for name in names]
    packed = base64.b64encode(json.dumps(dict(values)).encode()).decode()
    # PHP defines STDERR for programs in files only.
    errors = "defined('STDERR') || define('STDERR', fopen('php://stderr', 'w'));"
    given = f"$in = json_decode(base64_decode('{packed}'), TRUE);"
    head = f"<?php\n{errors}\n{given}\n$in['docroot'] = getenv('AEGIR_DOCROOT');\n"
    return head + "".join(parts)
