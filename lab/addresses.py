"""Which subnet a lab gets, and which address a host gets in it. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable

from .errors import LabError

# The engines' own pools for unnamed networks start at 10.88 and 10.89.0: stay out of their way.
FIRST_SUBNET = 64
# The bridge has .1; the gap is for whoever needs a fixed address on the hub's side.
FIRST_HOST = 11


def choose_subnet(taken: Iterable[str]) -> str:
    """Name the first 10.89.n.0/24 that overlaps nothing in `taken` (networks and routes)."""
    used = [ipaddress.ip_network(text, strict=False) for text in taken if ":" not in text]
    for third in range(FIRST_SUBNET, 256):
        candidate = ipaddress.ip_network(f"10.89.{third}.0/24")
        if not any(candidate.overlaps(network) for network in used):
            return str(candidate)
    raise LabError("no free 10.89.n.0/24 is left: `python -m lab down --all` removes all labs")


def hub_address(subnet: str) -> str:
    """Give the address of the bridge: the hub, as the hosts see it."""
    return str(ipaddress.ip_network(subnet)[1])


def choose_address(subnet: str, taken: Collection[str], after: str | None = None) -> str:
    """Name the first free address for a host; with `after`, rather one above this and all taken ones."""
    network = ipaddress.ip_network(subnet)
    numbers = list(range(FIRST_HOST, network.num_addresses - 1))
    if after is not None:
        above = max(int(ipaddress.ip_address(text)) for text in (after, *taken)) - int(network[0])
        numbers = [*range(above + 1, network.num_addresses - 1), *numbers]
    for number in numbers:
        if str(network[number]) not in taken:
            return str(network[number])
    raise LabError(f"no free address is left in {subnet}: remove some hosts")


def hardware_address(address: str) -> str:
    """Derive an Ethernet address: with a new one at each start, its neighbours would miss it for half a minute."""
    return "02:42:" + ":".join(f"{byte:02x}" for byte in ipaddress.ip_address(address).packed)


def inside(subnet: str, address: str) -> bool:
    """Tell whether an address remembered from earlier still belongs to the subnet."""
    return ipaddress.ip_address(address) in ipaddress.ip_network(subnet)


def routed(text: str) -> list[str]:
    """Read the destinations of `ip -4 route show`; the default route overlaps all, so it is left out."""
    words = [line.split()[0] for line in text.splitlines() if line.strip()]
    return [word for word in words if word[0].isdigit()]
