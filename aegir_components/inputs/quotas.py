"""What a site's processes may take of a machine, as systemd counts it, and what each of its accounts may take of the database.

The defaults are far above what an ordinary site needs: they end what would take the machine from its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aegir_components.inputs.props import Props, left_out

from . import limits

SLICE: Final = "/etc/systemd/system/aegir.slice"
ALL: Final = """\
# Written by aegir: PHP with isolation: process, and cron, of all sites together. The rest of the machine keeps its part.
[Slice]
MemoryMax=90%
"""
PHP_MEMORY: Final = 256
"""MB that a request may take where nothing else is declared (`services/php.py`)."""
BESIDE: Final = 1024
"""MB beside what all requests of a site may take together: OPcache, and programs that PHP starts."""
TASKS: Final = 256
CRON_MEMORY: Final = 2048
"""MB; PHP's own limit is 512 there."""
CONNECTIONS: Final = 32
"""Of one account, which is a site's on one web server, at once."""
_VICTIM: Final = "OOMPolicy=continue\nOOMScoreAdjust=300"
"""Where memory is short a process of PHP ends before a database, and no other with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quotas(Props):
    """The declared limits of a site on a web server; 0 where nothing is declared."""

    cpu: int = left_out(0)
    """Percent of one core."""
    memory: int = left_out(0)
    """MB."""
    tasks: int = left_out(0)
    """Processes and threads."""


USUAL: Final = Quotas()
"""Those of a site that declares none."""


def default_tasks(children: int) -> int:
    """Give how many processes a site may have that may have so many requests at once."""
    return TASKS + 4 * children


def default_connections(children: int) -> int:
    """Give how many connections a site's account may have at once."""
    return max(CONNECTIONS, 2 * children + 16)


def master_lines(declared: Quotas, php: limits.Limits) -> str:
    """Give the limits of a site's own PHP-FPM master, for its unit."""
    memory = declared.memory or php.children * (php.memory or PHP_MEMORY) + BESIDE
    return _lines(declared, memory, declared.tasks or default_tasks(php.children))


def cron_lines(declared: Quotas = USUAL) -> str:
    """Give the limits of a site's cron, for its unit; it gives way to requests."""
    return f"CPUWeight=30\n{_lines(declared, declared.memory or CRON_MEMORY, declared.tasks or TASKS)}"


def pools_text(tasks: int) -> str:
    """Give the part of the unit of a machine's own PHP-FPM master that limits what its pools take.

    Args:
        tasks: processes of each of the sites, whose users the kernel counts them by.
    """
    return f"# Written by aegir.\n[Service]\n{_VICTIM}\nMemoryMax=90%\nLimitNPROC={tasks}\n"


def _lines(declared: Quotas, memory: int, tasks: int) -> str:
    quota = f"CPUQuota={declared.cpu}%\n" if declared.cpu else ""
    return f"Slice=aegir.slice\n{_VICTIM}\n{quota}MemoryMax={memory}M\nTasksMax={tasks}"
