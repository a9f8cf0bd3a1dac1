"""The hub's own key pair: made once, and never one that somebody names."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from aegir_components import settings
from aegir_components.hub import keys


def hub(root: Path, identity: Path | None = None) -> settings.Hub:
    own = identity or root / ".ssh" / "id_ed25519"
    return settings.Hub(address="10.0.0.1", root=str(root), ssh=settings.HubSsh(identity=str(own)))


def test_a_pair_is_made_under_the_hubs_root_once(tmp_path: Path) -> None:
    first = keys.public_key(hub(tmp_path))
    made = (tmp_path / ".ssh" / "id_ed25519").read_bytes()

    again = keys.public_key(hub(tmp_path))

    assert re.fullmatch(r"ssh-ed25519 [A-Za-z0-9+/=]{68}", first)
    assert first == again
    assert made == (tmp_path / ".ssh" / "id_ed25519").read_bytes()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in (".ssh", ".ssh/id_ed25519")]
    assert [0o700, 0o600] == modes


def test_a_key_that_is_named_and_missing_is_not_made(tmp_path: Path) -> None:
    named = tmp_path / "keys" / "own"

    with pytest.raises(settings.SettingsError, match=r"aegir:hub\.ssh\.identity: .*own' cannot be used"):
        keys.public_key(hub(tmp_path, named))

    assert [] == list(tmp_path.iterdir())


def test_a_key_that_cannot_be_read_is_told_with_what_is_needed(tmp_path: Path) -> None:
    named = tmp_path / "own"
    named.write_text("no key at all\n")
    named.chmod(0o600)

    with pytest.raises(
        settings.SettingsError, match="name a private key without a passphrase, readable by this user only"
    ):
        keys.public_key(hub(tmp_path, named))
