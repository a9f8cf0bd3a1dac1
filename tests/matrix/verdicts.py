"""What becomes of each edit that is not simply applied, and what the page says of those that are."""

# ruff: noqa: E501 - a table

from __future__ import annotations

from typing import Final

from tests.matrix.cells import Outcome, applied, rejected, stopped

MOVE: Final = "[Move the sites](../howto/move-a-site.md) first."
MOVES: Final = "The site moves with its content. See [Move a site](../howto/move-a-site.md)."
REQUIRED: Final = "It has to be there."
OTHER_FILES = "the files of one.example.com are on"
OTHER_DATABASE = "which has none of its content. Nothing was changed. Correct the address"
STRANGER = "was never prepared, and the state knows"
REPLACE = "Correct the address. For a new machine see [Replace a dead server](../howto/replace-a-dead-server.md)."
NO_COPY = "and no copy of them was made here for it to move"
COPY = "Copy the files there first, as the message says."
ONE_OF = "Write another one of them first."

KIND_OF_REPOSITORY = "must have one of directory, sftp and s3"

KEYS: Final[dict[str, dict[str, Outcome]]] = {
    "backups.repositories.*.directory": {"removed": rejected(KIND_OF_REPOSITORY, REQUIRED)},
    "backups.repositories.*.sftp": {"removed": rejected(KIND_OF_REPOSITORY, REQUIRED)},
    "backups.repositories.*.s3": {"removed": rejected(KIND_OF_REPOSITORY, REQUIRED)},
    **{
        f"backups.repositories.*.{key}": {"removed": rejected(f"{key}: missing", REQUIRED)}
        for key in ("identity", "host_key", "access_key", "secret_key")
    },
    **{
        f"sites.*.origin.{key}": {"removed": rejected("must have site, backup, or database", "Take `origin` out as a whole, which changes nothing.")}
        for key in ("backup", "database")
    },
    "sites.*.platform": {
        "changed": rejected("is a site of Drupal 10.3.6, and the platform press has WordPress 6.9.1",
                            "A platform with the site's application, as new as its own: the site moves. Others are rejected."),
        "removed": rejected("platform: missing; known: code, press", REQUIRED),
    },
    "sites.*.database": {
        "changed": applied(MOVES),
        "removed": rejected("missing, and several servers have a database service", REQUIRED),
    },
    "sites.*.database.server": {
        "changed": applied(MOVES),
        "removed": rejected("missing, and several servers have a database service", REQUIRED),
    },
    "sites.*.formerly": {
        "added": rejected(
            "was not made as first.example.com. It was made as one.example.com, and `formerly` takes only that name. "
            "Nothing was changed. To keep its content, remove this key", "Remove the key.",
        ),
        "changed": rejected("was not made as second.example.com", "Write the name that the site was made with."),
    },
    "sites.*.certificate": {"changed": rejected('"acme" needs aegir:acme', "Declare [`aegir:acme`](stack-file.md) with it.")},
    "sites.*.title": {"added": applied("Used at the installation only."), "changed": applied("Used at the installation only.")},
    "sites.*.profile": {"added": applied("Used at the installation only."), "changed": applied("Used at the installation only.")},
    "sites.*.language": {"added": applied("Used at the installation only."), "changed": applied("Used at the installation only.")},
    "sites.*.php.version": {"added": rejected("php", "Declare it at each of the site's web servers first.")},
    "servers.*.php.version": {"added": rejected("is for sites", "Write it as `services.web.php`.")},
    "sites.*.release": {
        "added": applied("The site stays on that release until the key goes."),
        "changed": stopped("which is not on this machine. Nothing was switched", "Write a release that is there; the message lists them."),
    },
    "sites.*.password_version": {"added": applied("The accounts get another password; the former one goes last.")},
    "platforms.*.server": {
        "changed": applied(MOVES),
        "removed": rejected("server: missing; write the web server, cluster or pack", REQUIRED),
    },
    "platforms.*.source": {
        "changed": applied("A newer release goes live; one that breaks a site is rolled back."),
        "removed": rejected("source: missing; write the directory with the code", REQUIRED),
    },
    "platforms.*.source.path": {
        "changed": applied("A newer release goes live; one that breaks a site is rolled back."),
        "removed": rejected("source: must have one of path, git, archive and makefile", REQUIRED),
    },
    "platforms.*.source.git": {"changed": applied("The same code from elsewhere is the same release."),
                               "removed": rejected("source: must have one of path, git, archive and makefile", REQUIRED)},
    "platforms.*.source.ref": {"removed": rejected("ref: missing; write the branch, the tag", REQUIRED)},
    "platforms.*.source.archive": {"changed": rejected("is no file", "Name an archive that is there."),
                                   "removed": rejected("source: must have one of path, git, archive and makefile", REQUIRED)},
    "platforms.*.source.checksum": {"added": rejected("sha256", "Write the archive's own checksum.")},
    "platforms.*.source.makefile": {"added": rejected("is no file", "Name a makefile that is there.")},
    "platforms.*.source.composer": {"added": rejected("composer", "Only a project with `composer.json` is built.")},
    "platforms.*.source.composer.dev": {"added": rejected("composer", "Only a project with `composer.json` is built.")},
    "platforms.*.source.composer.unlocked": {"added": rejected("composer", "Only a project with `composer.json` is built.")},
    "platforms.*.source.composer.trusted": {"added": rejected("composer", "Only a project with `composer.json` is built.")},
    "platforms.*.publish_path": {
        "added": rejected("Declare a second platform with that publish_path and the same source", "Declare a second platform with it, and move the sites."),
        "changed": rejected("Declare a second platform with that publish_path and the same source", "Declare a second platform with it, and move the sites."),
    },
    "platforms.*.rollback": {"added": rejected("no release", "Name a release that was live; `pulumi preview` lists them."),
                             },
    "platforms.*.release": {"added": rejected("release", "Name the release that the source makes.")},
    "servers.*.address": {
        "changed": stopped(STRANGER, REPLACE),
        "removed": rejected("does not resolve on the hub", "The name is resolved then; it has to lead to the same machine."),
    },
    "servers.*.connection": {"added": stopped("correct the server's address in the stack file",
                                              "The hub has to be that machine.")},
    "servers.*.aegir_user.uid": {"changed": stopped("its files belong to these numbers", "Change the number on the machine first, as the message says.")},
    "servers.*.aegir_user.gid": {"changed": stopped("its files belong to these numbers", "Change the number on the machine first, as the message says.")},
    "servers.*.services.web": {"removed": rejected('server "web1" has no web service', MOVE)},
    "servers.*.services.web.type": {"removed": rejected("type: missing; known: apache", REQUIRED)},
    "servers.*.services.database": {
        "changed": rejected('server "db1" has no database service', MOVE),
        "removed": rejected('server "db1" has no database service', MOVE),
    },
    "servers.*.services.database.type": {"removed": rejected("type: missing; known: mysql", REQUIRED)},
    "servers.*.services.database.address": {
        "changed": stopped("does not answer", "Write an address that leads to the same server."),
    },
    "servers.*.commands.*.create": {"removed": rejected("create: missing", "Remove the command as a whole.")},
    "servers.*.services.database.authority": {"added": rejected("none.pem", "Name a file with the CA in PEM.")},
    "clusters.*.servers": {
        "changed": applied("A server that joins gets code, configuration and uploads. One that leaves is cleaned after an archive."),
        "removed": rejected("servers: missing; write a list of web servers", REQUIRED),
    },
    "clusters.*.uploads.path": {
        "added": applied("The files of all sites have to be there before, on every member."),
        "changed": stopped("the state knows them there. Nothing was changed. Copy them there with their owners",
                           "Copy the files there first, with their owners."),
        "removed": rejected("write either path (a directory that all members share already) or nfs", REQUIRED),
    },
    "clusters.*.uploads.nfs": {
        "added": stopped("and the state knows them there. Nothing was changed. Copy them there with their owners",
                         "Copy the files to the export first, with their owners."),
        "removed": rejected("write either path (a directory that all members share already) or nfs", REQUIRED),
    },
    "packs.*.master": {"changed": stopped(NO_COPY, COPY), "removed": rejected("master: missing", REQUIRED)},
    "packs.*.nfs": {"added": stopped(NO_COPY, COPY)},
    "packs.*.share": {"added": rejected("over NFS, and would get its own", "Take the slaves out of the pack with one `up`, and change it with another.")},
    "packs.*.standby": {"added": rejected("standby: a standby can take over only from an NFS server beside the pack", "Declare `nfs` first.")},
    "packs.*.failover": {"added": rejected("keeps no copy of this pack", "Declare it as `standby` first.")},
    "packs.*.path": {"added": rejected("only share: external has a path", "Declare it with `share: external`.")},
    "environment": {
        "added": rejected("write aegir:environment_formerly: development beside", "Write `environment_formerly` beside it for one `up`."),
        "changed": rejected("write aegir:environment_formerly: development beside", "Write `environment_formerly` beside it for one `up`."),
    },
    "environment_formerly": {"removed": applied("Its use is one `up`.")},
    "hub.address": {
        "changed": stopped("The former account stays. Write the address that the database server sees", "Write the address that database servers see."),
        "removed": rejected("hub.address: missing", REQUIRED),
    },
    "hub.root": {"changed": applied("Move what is below the former one there first: backups are looked for in the new one only.")},
    "hub.ssh.identity": {"changed": rejected("cannot be used", "Name a key that is there, and that the servers accept.")},
    "hub.ssh.known_hosts": {"removed": rejected("host_key: missing", "Declare `host_key` at each server.")},
    "replaced": {"added": applied("What is missing on that machine is no error; see [`aegir:replaced`](stack-file.md#aegirreplaced).")},
    "include": {"added": rejected("cannot be read", "Name a file that is there.")},
    "rules": {"added": rejected("rules", "Name a file with rules that is there.")},
    "acme.directory": {"removed": rejected("directory: missing", "Remove `aegir:acme` as a whole, when no site uses it.")},
}  # fmt: skip
AT: Final[dict[tuple[str, str], dict[str, Outcome]]] = {
    ("servers.*.address", "db1"): {
        "changed": stopped(STRANGER, REPLACE),
        "removed": stopped("no answer", "The name is resolved then; it has to lead to the same machine."),
    },
}
"""Of rows for another entry than the first of its kind, where that differs."""

ENTRIES: Final[dict[tuple[str, str], Outcome]] = {
    ("web server with sites", "removed"): rejected('no server, cluster or pack named "web1"', "Move or remove its sites first."),
    ("web server", "led to another machine"): rejected(OTHER_FILES, "Correct the address. A site moves when its platform is another one."),
    ("web server", "led to a blank machine"): stopped(STRANGER, REPLACE),
    ("web server", "addresses of two exchanged"): rejected(OTHER_FILES, "Exchange the names everywhere, or correct the addresses."),
    ("web server", "names of two exchanged"): applied("The machines keep their sites; nothing moves."),
    ("web server", "renamed"): applied("The same machine keeps its sites and their files."),
    ("web server", "moved into a cluster"): applied("The other members get code, configuration and uploads."),
    ("web server", "moved into a cluster and back"): applied("What leaves is cleaned; an archive of its uploads stays on the hub."),
    ("web server", "moved into a pack"): applied("As master it keeps its files; the slaves see them."),
    ("database server with sites", "removed"): rejected('no server named "db1"', "Move or remove its sites first."),
    ("database server", "renamed"): applied("The same machine keeps its databases and accounts."),
    ("database server", "led to another machine"): rejected(OTHER_DATABASE, "Correct the address. A site moves when its `database` is another one."),
    ("database server", "led to a blank machine"): stopped(STRANGER, REPLACE),
    ("database server", "addresses of two exchanged"): rejected(OTHER_DATABASE, "Exchange the names everywhere, or correct the addresses."),
    ("external database", "removed"): rejected('no server named "ext"', "Move or remove its sites first."),
    ("external database", "led to another machine"): rejected("is the database of server", MOVE),
    ("external database", "led to a blank machine"): stopped("does not answer", "Correct the address."),
    ("cluster", "removed"): rejected('no server, cluster or pack named "farm"', "Put its platforms on one of its servers in the same edit."),
    ("cluster", "becomes one of its servers"): applied("The others are cleaned; an archive of their uploads stays on the hub."),
    ("cluster", "becomes a pack"): rejected("Put the platform on web1 alone with one pulumi up", "Put the platforms on the master alone first; the second `up` makes the pack."),
    ("cluster", "becomes another server"): applied(MOVES),
    ("member of a cluster", "all exchanged"): applied(MOVES),
    ("site", "moved to other web servers"): applied(MOVES),
    ("site", "moved to other web servers and back"): applied(MOVES),
    ("site", "moved to another database server and back"): applied(MOVES),
    ("site", "moved to other web servers and another database server"): applied(MOVES),
    ("site", "moved out of a cluster"): applied(MOVES),
    ("site", "moved into a pack"): applied(MOVES),
    ("site", "moved out of a pack"): applied(MOVES),
    ("site", "moved and closed"): applied(MOVES),
    ("site", "moved to other web servers, and its visitors forwarded no more"): applied("The former web servers forget the site at once."),
    ("member of a cluster", "led to another machine"): applied("It gets everything from the other members. The former machine is left as it is."),
    ("member of a cluster", "led to a blank machine"): stopped(STRANGER, REPLACE),
    ("pack", "removed"): rejected('no server, cluster or pack named "flock"', "Put its platforms on the master in the same edit."),
    ("pack", "renamed"): rejected("A pack keeps its name: write flock again", "A pack keeps its name."),
    ("pack", "becomes its slave"): rejected(OTHER_FILES, MOVE),
    ("pack", "becomes a cluster"): rejected("over NFS, and would get its own", "Put the platforms on the master alone first; the second `up` makes the cluster."),
    ("master of a pack", "renamed"): applied("The same machine keeps what it shares."),
    ("master of a pack", "exchanged with its slave"): rejected("and mounts it from web1. Nothing was changed. Take web2 out of the pack with one pulumi up", "[Give the pack another master](../howto/give-a-pack-another-master.md) by hand."),
    ("master of a pack", "led to a blank machine"): stopped(STRANGER, REPLACE),
    ("slave of a pack", "led to a blank machine"): stopped(STRANGER, REPLACE),
    ("platform with sites", "removed"): rejected('no platform named "code"', "Move or remove its sites first."),
    ("platform", "renamed"): applied("The sites move to the platform of the new name."),
    ("platform", "of an older major version"): rejected("and the platform code has 9.5.1", "Take the site's version or a newer one."),
    ("platform", "of another application"): rejected("and the platform code has WordPress 6.9.1", "Take code of the site's application."),
    ("site", "added"): applied("It is installed. If the hub has a backup of a site of this name, `preview` says so."),
    ("site", "removed"): applied("A proven dump and an archive are on the hub before it closes. `preview` says what goes."),
    ("site", "removed and back"): applied("It begins empty. `preview` names the backup on the hub."),
    ("site", "renamed with formerly"): applied("Database, files and accounts stay."),
    ("site", "renamed without formerly"): rejected("declare onee.example.com with `formerly: one.example.com`", "Correct the name, or declare `formerly`. Names that are not alike count as a removal and a new site."),
    ("site", "its formerly lost"): rejected("write `formerly: one.example.com` at it", "Write it again."),
    ("all sites", "removed"): rejected("aegir:confirm_removals: [one.example.com, two.example.com]", "Bring them back, or name them in [`aegir:confirm_removals`](stack-file.md#aegirconfirm_removals)."),
    ("site", "names of two exchanged"): applied("Each keeps its database, files and accounts."),
    ("protected site", "removed"): rejected("write `protect: false` at it for one pulumi up", "Write `protect: false` for one `up` first."),
    ("https of all sites and of the server", "dropped at once"): rejected("Take `https` away with one pulumi up, and TLS from web1 with another", "Drop the sites' `https` first; the next `up` drops the server's TLS."),
    ("https of all sites and of the server", "dropped at once, nginx"): rejected("Take `https` away with one pulumi up, and TLS from web1 with another", "Drop the sites' `https` first; the next `up` drops the server's TLS."),
}  # fmt: skip
