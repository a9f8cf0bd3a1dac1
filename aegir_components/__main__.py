"""``python -m aegir_components``: what an operator does, beside ``pulumi``."""

from .cli.main import main

main()
