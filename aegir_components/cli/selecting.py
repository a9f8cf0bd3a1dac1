"""Which sites a command is for: by name, pattern, platform, server, client, environment, application, or all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Final, TypeVar

import click
import yaml

from aegir_components import settings
from aegir_components.applications import APPLICATIONS
from aegir_components.messages import numbered
from aegir_components.messages.printable import first_of
from aegir_components.settings import names as host_names

from . import completion
from .ends import Refusal, WrongUsage
from .engine import Engine
from .made import Site
from .stack import Stack, here, made, names
from .state import State

MOST_NAMED: Final = 12
"""Sites that a message names."""

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What was said on the command line about sites."""

    words: tuple[str, ...] = ()
    """Names, and patterns with ``*``, ``?`` and ``[]``."""
    stack: str = ""
    environment: str = ""
    platforms: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    everything: bool = False

    @property
    def narrowed(self) -> bool:
        """Whether anything says which sites are meant."""
        return bool(
            self.words or self.platforms or self.servers or self.clients or self.applications or self.environment
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The sites of one stack that a command is for."""

    stack: Stack
    state: State = field(repr=False)
    sites: tuple[Site, ...]


def options(function: Function) -> Function:
    """Give a command the options that select sites; it gets them as one ``selection``."""

    def wrapped(**given: Any) -> Any:
        selection = Selection(
            words=tuple(given.pop("sites", ())),
            stack=given.pop("stack"),
            environment=given.pop("environment"),
            platforms=given.pop("platforms"),
            servers=given.pop("servers"),
            clients=given.pop("clients"),
            applications=given.pop("applications"),
            everything=given.pop("everything"),
        )
        return function(selection=selection, **given)

    wrapped.__name__, wrapped.__doc__ = function.__name__, function.__doc__
    wrapped.__dict__.update(function.__dict__)
    for option in reversed((STACK, *_options())):
        option(wrapped)
    return wrapped  # type: ignore[return-value]


STACK = click.option(
    "--stack", default="", metavar="STACK", shell_complete=completion.stacks,
    help="The stack that has them; may be left out where there is one.",
)  # fmt: skip


def _options() -> tuple[Callable[[Function], Function], ...]:
    def names(option: str, variable: str, what: str, complete: Any) -> Callable[[Function], Function]:
        return click.option(option, variable, multiple=True, metavar="NAME", shell_complete=complete, help=what)

    return (
        click.option(
            "--environment",
            default="",
            metavar="NAME",
            shell_complete=completion.environments,
            help="Of the stack that declares this environment.",
        ),
        names("--platform", "platforms", "On this platform.", completion.platforms),
        names("--server", "servers", "On this web server.", completion.servers),
        names("--client", "clients", "Of this client.", completion.clients),
        click.option(
            "--application", "applications", multiple=True, type=click.Choice(sorted(APPLICATIONS)), help="Of this one."
        ),
        click.option("--all", "everything", is_flag=True, help="All sites of the stack."),
    )


def everything(selection: Selection) -> Selection:
    """Take all sites where nothing says which: for commands that only look."""
    return selection if selection.narrowed else replace(selection, everything=True)


def need(selection: Selection) -> None:
    """See that something says which sites are meant.

    Raises:
        WrongUsage: nothing does.
    """
    if not selection.narrowed and not selection.everything:
        raise WrongUsage(
            numbered(9003, "name a site or a pattern, or select with --platform, --server, --client or --all")
        )


def choose(selection: Selection) -> Chosen:
    """Find the sites that are meant, in the order of their names.

    Raises:
        Refusal: nothing says which, one that is named is not there, or none is left.
    """
    need(selection)
    stack = the_stack(selection.stack, selection.environment)
    state = stack.state()
    found = pick(state, selection, lambda: clients_of(stack, state))
    return Chosen(stack=stack, state=state, sites=tuple(found))


def the_stack(name: str, environment: str = "", *, how: str = "by --stack") -> Stack:
    """Find the stack that is meant: the named one, the one of an environment, or the only one.

    Args:
        name: the stack's; empty where nobody said it.
        environment: of the stack; empty for any.
        how: how a person names the stack, for the message.

    Raises:
        Refusal: there is none, or more than one.
    """
    engine = here()
    if name:
        return Stack(name=name, engine=engine)
    known = names(engine.project)
    fitting = [each for each in known if not environment or _environment(engine, each) == environment]
    if len(fitting) > 1:
        there = made(engine)
        fitting = [each for each in fitting if each in there] or fitting
    if len(fitting) != 1:
        which = f" of the environment {environment}" if environment else ""
        raise Refusal(
            numbered(
                9013,
                f"{engine.project} has {len(fitting)} stacks{which}; say which one {how}: "
                f"{', '.join(fitting or known) or 'none'}",
            )
        )
    return Stack(name=fitting[0], engine=engine)


def pick(state: State, selection: Selection, clients: Callable[[], dict[str, str]]) -> list[Site]:
    """Choose of a stack's sites.

    Args:
        state: the stack.
        selection: what is meant.
        clients: gives each site's client, by what the site is known by.

    Raises:
        Refusal: a word fits no site, or no site is left.
    """
    named = {site.name for word in selection.words for site in _fitting(state, word)}
    found = [site for site in state.sites.values() if site.name in named or not selection.words]
    owners = clients() if selection.clients else {}
    found = [
        site
        for site in found
        if _is_one_of(site.platform, selection.platforms)
        and (not selection.servers or set(selection.servers) & set(site.members))
        and _is_one_of(owners.get(site.identity, ""), selection.clients)
        and _is_one_of(site.application, selection.applications)
    ]
    if not found:
        raise Refusal(
            numbered(
                9014,
                f"no site of {state.stack} fits all options that you gave; `aegir status {state.stack}` lists its sites",
            )
        )
    return sorted(found, key=lambda site: site.name)


def names_it(selection: Selection, site: Site) -> bool:
    """Return whether a site was named itself, and not by a pattern or a group."""
    return bool({host_names.in_ascii(word) for word in selection.words} & {site.name, site.identity})


def clients_of(stack: Stack, state: State) -> dict[str, str]:
    """Give each site's client, by what the site is known by; it stands where the site is declared."""
    return {site.identity: site.client for site in stack.drawn(state).sites.values() if site.client}


def one(state: State, word: str) -> Site:
    """Find the site of a name, or of a pattern that fits no other one.

    Raises:
        Refusal: the word fits no site, or several.
    """
    fitting = _fitting(state, word)
    if len(fitting) > 1:
        names = first_of(sorted(site.name for site in fitting), MOST_NAMED)
        raise Refusal(numbered(9015, f"{len(fitting)} sites of {state.stack} fit {word}; name one: {names}"))
    return fitting[0]


def _fitting(state: State, word: str) -> list[Site]:
    """List the sites of a name or a pattern; there is at least one."""
    named = state.find(word)
    fitting = (
        [named]
        if named
        else [
            site
            for site in state.sites.values()
            if any(fnmatchcase(name, word.lower()) for name in (site.name, site.identity))
        ]
    )
    if not fitting:
        raise Refusal(
            numbered(
                9016, f"{state.stack} has no site {word}; it has: {first_of(sorted(state.sites), MOST_NAMED) or 'none'}"
            )
        )
    return fitting


def _is_one_of(value: str, wanted: Sequence[str]) -> bool:
    return not wanted or value in wanted


def _environment(engine: Engine, stack: str) -> str:
    path = settings.find_stack_file(engine.project, stack)
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError, yaml.YAMLError):
        return ""
    config = read.get("config") if isinstance(read, dict) else None
    return str(config.get("aegir:environment", "")) if isinstance(config, dict) else ""
