"""``schema``: a JSON schema of the stack file, by which an editor completes and checks it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aegir_components.settings import schema as schemas

from .ends import put


@click.command()
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="FILE",
    help="Write it there instead of to standard output.",
)  # fmt: skip
def schema(output: Path | None) -> None:
    """Print a JSON schema of the stack file, by which editors complete and check it.

    Editors with the YAML language server take it by a line at the top of the stack file:
    "# yaml-language-server: $schema=stack-file.schema.json".

    \b
    aegir schema -o stacks/stack-file.schema.json
    """  # noqa: D301  click keeps such lines as they are
    text = json.dumps(schemas.made(), indent=2, ensure_ascii=False) + "\n"
    put(text.encode(), output)
