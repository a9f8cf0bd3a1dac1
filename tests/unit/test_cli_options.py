"""How a command is told which stack is meant."""

from __future__ import annotations

from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from aegir_components.cli import options, selecting
from aegir_components.cli.main import aegir


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prod"], "prod"),
        (["--stack", "prod"], "prod"),
        (["prod", "--stack", "prod"], "prod"),
        (["prod", "--stack", "test"], "name one stack: prod, or --stack test"),
        ([], "the only one"),
    ],
    ids=" ".join,
)
def test_the_stack_is_an_argument_or_an_option(words: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selecting, "the_stack", lambda name: SimpleNamespace(name=name or "the only one"))

    @click.command()
    @options.the_stack(required=True)
    def tell(stack: str) -> None:
        click.echo(stack)

    @click.command()
    @options.of_stack
    def hear(chosen: str) -> None:
        click.echo(chosen)

    assert said in CliRunner().invoke(tell, words).output
    assert len(words) != 2 or said in CliRunner().invoke(hear, words).output
    assert words or "the only one" in CliRunner().invoke(hear, words).output


def test_every_command_about_a_stack_takes_it_as_an_option() -> None:
    def commands(group: click.Group) -> list[click.Command]:
        context = click.Context(group)
        return [
            each
            for name in group.list_commands(context)
            if (one := group.get_command(context, name)) is not None
            for each in (commands(one) if isinstance(one, click.Group) else [one])
        ]

    for command in commands(aegir):
        names = {parameter.name for parameter in command.params}
        if "stack" in names:
            assert any("--stack" in parameter.opts for parameter in command.params), command.name
