"""``schema``: a JSON schema of the stack file, by which an editor completes and checks it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from aegir_components.settings import schema as schemas
from aegir_components.settings import schema_words

from .ends import put

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "stack-file.md"


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
    words = schema_words.descriptions(PAGE.read_text()) if PAGE.is_file() else {}
    text = json.dumps(schemas.made(words), indent=2, ensure_ascii=False) + "\n"
    put(text.encode(), output)
