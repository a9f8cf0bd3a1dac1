"""A saved plan between two jobs: encrypted, and good for one stack and one commit only.

    python -m pipelines.seal close STACK COMMIT plan.json plan.sealed
    python -m pipelines.seal open STACK COMMIT plan.sealed plan.json

In a plan of Pulumi's, secrets are encrypted with the stack's key, and all else (names, addresses, paths, the whole stack file)
is in clear; who can download a job's files would read it. The key comes from AEGIR_PLAN_KEY, or from the stack's passphrase.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

HEAD: Final = b"aegir-plan 1\n"
SALT: Final = 16


class NotSealed(Exception):
    """A plan cannot be closed or opened; the text says why."""


def close(plan: bytes, key: str, *, stack: str, commit: str) -> bytes:
    """Encrypt a plan together with what it is for."""
    salt = os.urandom(SALT)
    inner = json.dumps({"stack": stack, "commit": commit, "plan": base64.b64encode(plan).decode()})
    return HEAD + base64.b64encode(salt) + b"\n" + _cipher(key, salt).encrypt(inner.encode())


def reopen(sealed: bytes, key: str, *, stack: str, commit: str) -> bytes:
    """Give the plan back.

    Raises:
        NotSealed: it is another stack's or commit's, another key's, or changed.
    """
    head, _, rest = sealed.partition(b"\n")
    salt, _, token = rest.partition(b"\n")
    if head + b"\n" != HEAD:
        raise NotSealed("this is no plan that was saved by a pipeline of this version")
    try:
        inner = json.loads(_cipher(key, base64.b64decode(salt)).decrypt(token))
    except (InvalidToken, ValueError):
        raise NotSealed(
            "the plan does not open: it was changed, or saved with another passphrase (or AEGIR_PLAN_KEY)"
        ) from None
    for what, wanted in (("stack", stack), ("commit", commit)):
        if inner[what] != wanted:
            raise NotSealed(f"the plan is for the {what} {inner[what]}, not {wanted}: make and approve a new one")
    return base64.b64decode(inner["plan"])


def key_from(environment: Mapping[str, str]) -> str:
    """Find the key in a job's environment.

    Raises:
        NotSealed: there is none.
    """
    for name in ("AEGIR_PLAN_KEY", "PULUMI_CONFIG_PASSPHRASE"):
        if environment.get(name):
            return environment[name]
    path = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if path:
        try:
            # As Pulumi itself reads it: without the line's end.
            return Path(path).read_text().strip()
        except OSError as fault:
            raise NotSealed(f"{path} (PULUMI_CONFIG_PASSPHRASE_FILE) cannot be read: {fault.strerror}") from None
    raise NotSealed("no key for the plan: set AEGIR_PLAN_KEY (a stack whose secrets a KMS has no passphrase)")


def _cipher(key: str, salt: bytes) -> Fernet:
    made = Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(made))


def main(arguments: Sequence[str]) -> int:
    """Close or open a plan, from a file to a file."""
    verb, stack, commit, source, target = arguments
    try:
        key = key_from(os.environ)
        work = {"close": close, "open": reopen}[verb]
        done = work(Path(source).read_bytes(), key, stack=stack, commit=commit)
    except (NotSealed, OSError) as fault:
        print(f"plan: {fault}", file=sys.stderr)
        return 1
    place = Path(target)
    place.unlink(missing_ok=True)
    place.touch(mode=0o600)
    place.write_bytes(done)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
