"""How a command is told which stack is meant."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from aegir_components.cli import options
from aegir_components.cli.main import aegir


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prod"], "prod"),
        (["--stack", "prod"], "prod"),
        (["prod", "--stack", "prod"], "prod"),
        (["prod", "--stack", "test"], "name one stack: prod, or --stack test"),
        ([], "Missing argument 'STACK'"),
    ],
    ids=" ".join,
)
def test_the_stack_is_an_argument_or_an_option(words: list[str], said: str) -> None:
    @click.command()
    @options.the_stack(required=True)
    def tell(stack: str) -> None:
        click.echo(stack)

    assert said in CliRunner().invoke(tell, words).output


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
