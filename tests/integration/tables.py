"""What the programs of a lab host say of things that we have tables or a grammar of."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime

from aegir_components.settings import php_values
from lab import Host
from tests import calendar_expressions


def calendars_read_differently(host: Host, seed: int, count: int = 150) -> list[tuple[str, str, str]]:
    """List expressions on which we and the systemd of a host differ, with our verdict and its own; it is one call there."""
    texts = calendar_expressions.expressions(seed, count)
    program = f"sh -c {shlex.quote(calendar_expressions.PROGRAM)}"
    verdicts = host.run(program, input="\n".join([*texts, ""])).stdout.split()
    return calendar_expressions.differences(texts, verdicts, datetime.now(UTC).date())


def php_values_unknown(host: Host) -> list[str]:
    """List the values of php.ini that a host's PHP has and that our table lacks."""
    names = json.loads(host.run("php -r 'echo json_encode(array_keys(ini_get_all()));'").stdout)
    return sorted(set(names) - php_values.KNOWN)
