"""A host of the lab that is a hub itself: checkout, engine and packages are copied into it, and commands run there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lab import Host
from tests.integration.farm import EMPTY, ROOT
from tests.integration.hubs import LEAN, packages_for, send

STACK = "one"
ENVIRONMENT = (
    "export PATH=/opt/engine:$PATH PYTHONPATH=/opt/packages PULUMI_BACKEND_URL='file:///opt/state?metadata=skip' "
    "PULUMI_CONFIG_PASSPHRASE=x PULUMI_HOME=/opt/home PULUMI_SKIP_UPDATE_CHECK=true "
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true; cd /opt/aegir; "
)


def become_hub(host: Host, declared: dict[str, Any], code: Path) -> None:
    """Make a host a hub with a stack of its own, and a code base in `/opt/code`."""
    # A host of the image `hub` has them.
    host.run(
        "command -v python3 ssh >/dev/null || "
        "{ apt-get -q update && apt-get -q -y install --no-install-recommends python3 openssh-client; }", timeout=300,
    )  # fmt: skip
    host.run("ln -sf python3 /usr/local/bin/python")
    send(host, packages_for(host), "/opt/packages", without=LEAN)
    send(host, ROOT / ".venv" / "engine", "/opt/engine")
    send(host, ROOT, "/opt/aegir", "aegir_components", "__main__.py", "Pulumi.yaml")
    send(host, code, "/opt/code")
    # The virtual environment that Pulumi.yaml names is the host's own Python here.
    host.run("sed -i '/virtualenv:/d; /toolchain:/d; /options:/d' /opt/aegir/Pulumi.yaml")
    host.run("mkdir -p /opt/state /opt/aegir/stacks")
    # Beside the salt of its secrets, which the engine writes when it makes the stack.
    host.run(f"{ENVIRONMENT} pulumi stack init {STACK}", timeout=120)
    host.run(f"cat >>/opt/aegir/stacks/Pulumi.{STACK}.yaml", input=yaml.safe_dump({"config": declared}))


def up(host: Host, *flags: str, timeout: float = 400) -> str:
    """Run `pulumi up` there."""
    return _pulumi(host, "up", *flags, timeout=timeout)


def unchanged(host: Host, *flags: str, timeout: float = 200) -> None:
    """Run it again: it has nothing to do."""
    _pulumi(host, "up", EMPTY, *flags, timeout=timeout)


def destroy(host: Host, *, timeout: float = 200) -> None:
    """Remove all that the stack made."""
    _pulumi(host, "destroy", timeout=timeout)


def _pulumi(host: Host, command: str, *flags: str, timeout: float) -> str:
    words = f"pulumi {command} --yes --skip-preview --non-interactive --color never --stack {STACK} {' '.join(flags)}"
    done = host.run(f"{ENVIRONMENT} {words}", timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
