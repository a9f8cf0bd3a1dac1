"""What the shell offers after TAB, from the names in stack files; and the text that a shell needs for it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import yaml
from click.shell_completion import CompletionItem, get_completion_class

from aegir_components import settings
from aegir_components.backups import book
from aegir_components.hub import records as hub_records

from . import engine
from . import stack as stack_files
from .commands import PROGRAM, VARIABLE
from .ends import Refusal


def stacks(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the stacks that have a file."""
    return _offered(stack_files.names(_project(context)), incomplete)


def promoted(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer what the source stack has: platforms and sites."""
    declared = _declared(context, context.params.get("source"))
    return _offered([*_keys(declared, "platforms"), *_keys(declared, "sites")], incomplete)


def sites(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the sites of the stack that is named, or of all."""
    return _offered({site for declared in _all(context) for site in _keys(declared, "sites")}, incomplete)


def sites_of_stacks(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the sites of all stacks, each with its stack: ``prod:www.example.com``."""
    project = _project(context)
    found = [
        f"{stack}:{site}" for stack in stack_files.names(project) for site in _keys(_declared(context, stack), "sites")
    ]
    return _offered(found, incomplete)


def platforms(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the platforms of the stack that is named, or of all."""
    return _offered({name for declared in _all(context) for name in _keys(declared, "platforms")}, incomplete)


def servers(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the servers of the stack that is named, or of all."""
    return _offered({name for declared in _all(context) for name in _keys(declared, "servers")}, incomplete)


def clients(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the clients of the sites of the stack that is named, or of all."""
    found = {
        str(site["client"])
        for declared in _all(context)
        if isinstance(declared.get("sites"), dict)
        for site in declared["sites"].values()
        if isinstance(site, dict) and site.get("client")
    }
    return _offered(found, incomplete)


def sites_and_servers(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the sites and the servers of the stack that is named, or of all."""
    kinds = ("sites", "servers")
    return _offered(
        {name for declared in _all(context) for kind in kinds for name in _keys(declared, kind)}, incomplete
    )


def environments(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the environments that stack files declare."""
    return _offered({str(each["environment"]) for each in _all(context) if each.get("environment")}, incomplete)


def kept(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the backups that the hub knows, of the site that is named or of all."""
    named = context.params.get("sites") or (context.params.get("site") or "",)
    roots = {str(_section(declared, "hub").get("root") or hub_records.DEFAULT_ROOT) for declared in _all(context)}
    books = [one for root in sorted(roots) for one in book.every(root) if one.site in named or "" in named]
    return _offered((backup.id for one in books for backup in one.backups()), incomplete)


def parts(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the parts of a backup."""
    return _offered(("database", "files"), incomplete)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what a shell needs to complete commands, stacks, platforms and sites.

    \b
    In ~/.bashrc:                 eval "$(/path/to/tools/aegir completion bash)"
    In ~/.zshrc:                  eval "$(/path/to/tools/aegir completion zsh)"
    In ~/.config/fish/config.fish: /path/to/tools/aegir completion fish | source
    """  # noqa: D301  click keeps such lines as they are
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(click.Command(PROGRAM), {}, PROGRAM, VARIABLE).source())


def _project(context: click.Context) -> Path:
    start = context.find_root().params.get("cwd") or "."
    try:
        return engine.find_project(Path(start))
    except Refusal:
        return Path(start)


def _all(context: click.Context) -> list[dict[str, Any]]:
    chosen = context.params.get("stack") or context.params.get("chosen")
    return [_declared(context, stack) for stack in ([chosen] if chosen else stack_files.names(_project(context)))]


def _declared(context: click.Context, stack: str | None) -> dict[str, Any]:
    path = settings.find_stack_file(_project(context), stack or "")
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    config = read.get("config") if isinstance(read, dict) else None
    ours = {str(key).removeprefix("aegir:"): value for key, value in config.items()} if isinstance(config, dict) else {}
    try:
        return dict(settings.include(ours, settings.directory_of(_project(context))).config)
    except settings.SettingsError:
        return ours


def _section(declared: dict[str, Any], part: str) -> dict[str, Any]:
    found = declared.get(part)
    return found if isinstance(found, dict) else {}


def _keys(declared: dict[str, Any], part: str) -> list[str]:
    return [str(key) for key in _section(declared, part)]


def _offered(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in sorted(set(words)) if word.startswith(incomplete)]
