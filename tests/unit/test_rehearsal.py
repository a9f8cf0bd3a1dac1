"""Layers over a site's files: what an update writes is seen by it alone, and becomes the site's own when it is kept."""

from __future__ import annotations

import os
import subprocess

import pytest

from aegir_components.scripts import libraries

STUBS = """
set -eu
fail() { echo "failed: $*"; exit 1; }
fact() { echo "fact $*"; }
room() { echo room; }
mount -t tmpfs tmpfs /var/lib || exit 77
site=/var/lib/site
mkdir "$site" "$site/files" "$site/tmp"
echo old >"$site/files/changed.txt"; echo old >"$site/files/gone.txt"; echo same >"$site/files/same.txt"
mkdir "$site/files/styles"; echo old >"$site/files/styles/a"
chown -R nobody "$site"
echo root >"$site/settings.php"; chmod 444 "$site/settings.php"
"""
WORK = """
rehearsal_begin nobody "$site"
echo "layers:$layers"
(cd /var/lib/aegir/rehearsal/nobody/1/merged && runuser -u nobody -- sh -c '
    echo new >files/changed.txt; echo new >files/new.txt; rm files/gone.txt; rm -r files/styles; echo x >tmp/scratch
    mkdir -p files/deep/er; echo new >files/deep/er/b
    echo hostile >settings.php 2>/dev/null || echo "settings stay"
    ln -s /etc/passwd files/link')
echo "before: $(cat "$site/files/changed.txt") $(ls "$site/files" | tr "\\n" " ")"
"""
END = """
echo "after: $(cat "$site/files/changed.txt") $(ls "$site/files" | tr "\\n" " ") tmp=$(ls "$site/tmp")"
rehearsal_over nobody
echo "left: $(ls /var/lib/aegir/rehearsal) $(grep -c rehearsal /proc/self/mounts || :)"
"""


def run(*parts: str) -> str:
    """Run shell text with the library, in a mount namespace of its own."""
    if os.geteuid():
        pytest.skip("only root mounts")
    text = "\n".join([STUBS, libraries.functions("rehearsal"), *parts])
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode == 77:
        pytest.skip("nothing can be mounted here")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_an_update_writes_is_in_its_layer_alone() -> None:
    said = run(WORK, END)
    assert "BindPaths=/var/lib/aegir/rehearsal/nobody/1/merged:/var/lib/site" in said
    assert "readonly" not in said
    assert "settings stay" in said
    assert "before: old changed.txt gone.txt same.txt styles" in said
    assert "after: old changed.txt gone.txt same.txt styles" in said
    assert "left:  0" in said


def test_what_is_kept_becomes_the_sites_own() -> None:
    said = run(WORK, "rehearsal_merge nobody", 'cat "$site/files/deep/er/b"; readlink "$site/files/link"', END)
    assert "after: new changed.txt deep link new.txt same.txt  tmp=\n" in said
    assert "/etc/passwd" in said
    assert "left:  0" in said


def test_where_nothing_can_be_laid_over_the_files_are_only_read() -> None:
    said = run("mount() { return 1; }", WORK.partition("(cd ")[0])
    assert "fact readonly yes" in said
    assert "BindReadOnlyPaths=/var/lib/site:/var/lib/site" in said


def test_a_backups_files_are_seen_in_the_place_of_the_sites_own() -> None:
    said = run(
        """
rehearsal_begin nobody "$site"
printf %s "$layers" >"$rb_place/layers"
mkdir -p "$rb_place/backup-web1/files"; echo restored >"$rb_place/backup-web1/files/restored.txt"
rehearsal_put nobody "$rb_place/backup-web1" "$site" files private
# What systemd does with it, in the order of the paths.
for pair in $(grep -o 'BindPaths=[^ ]*' "$rb_place/layers" | cut -d= -f2 | sort -t: -k2); do
    mkdir -p "${pair#*:}"; mount --bind "${pair%:*}" "${pair#*:}"
done
echo "seen: $(ls "$site/files") private=$(ls "$site/private") $(stat -c %U "$site/private")"
runuser -u nobody -- sh -c "echo by a start >'$site/private/written.txt'; echo x >'$site/tmp/scratch'"
for pair in $(grep -o 'BindPaths=[^ ]*' "$rb_place/layers" | cut -d= -f2 | sort -r -t: -k2); do umount "${pair#*:}"; done
echo "own: $(ls "$site/files" | tr "\\n" " ") $(ls "$site" | tr "\\n" " ") tmp=$(ls "$site/tmp")"
rehearsal_over nobody
echo "left: $(ls /var/lib/aegir/rehearsal) $(grep -c rehearsal /proc/self/mounts || :)"
"""
    )
    assert "seen: restored.txt private= nobody" in said, "what the backup has not is empty"
    assert "own: changed.txt gone.txt same.txt styles  files settings.php tmp  tmp=\n" in said
    assert "left:  0" in said
