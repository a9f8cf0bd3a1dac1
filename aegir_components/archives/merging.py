"""How an archive of a web server's files is merged into another web server's."""

from __future__ import annotations

from typing import Final

MERGE: Final = """\
set -eu
home=$1 user=$(id -u "$2") group=$(id -g "$2") web=$(getent group www-data | cut -d: -f3); shift 2
for part; do
    [ -L "$home/$part" ] || continue
    echo "$home/$part is a link on this machine; put a directory in its place and run the same command again" >&2
    exit 1
done
fresh=$(mktemp -d "$home/.aegir-copy-XXXXXX")
trap 'rm -rf "$fresh"' EXIT
trap 'exit 1' HUP INT TERM
tar -C "$fresh" --extract --gzip --numeric-owner --acls --same-owner --same-permissions --file=-
for part; do
    [ -d "$fresh/$part" ] && [ ! -L "$fresh/$part" ] || continue
    mkdir -p "$home/$part"
    rsync -rlptgoA --numeric-ids --update --safe-links --chmod=Fug-s \\
        --usermap="*:$user" --groupmap="${web:-0}:${web:-0},*:$group" --remove-source-files "$fresh/$part/" "$home/$part/"
done
"""
"""Shell: unpack an archive into an empty directory that only root can enter, and merge from there.

tar(1) with ``--keep-newer-files`` writes through a link that stands where a directory of the archive goes; rsync(1) puts the
directory in the link's place. Other owners, devices, set-user-id bits and links that lead outside do not come along. The
archive comes from a web server, which may be in somebody else's hands.
"""
