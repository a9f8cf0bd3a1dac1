"""The rest of the situations: releases, shares, names and databases."""

from __future__ import annotations

from dataclasses import replace

from aegir_components import layout
from aegir_components.deploy.arrival_operations import (
    ReleaseBegin,
    ReleasePlace,
    ReleaseRecord,
    ReleaseRepair,
    ReleaseSumsSince,
    ReleaseWithout,
)
from aegir_components.deploy.release_operations import (
    LinkShared,
    LinkSites,
    ReleaseFacts,
    ReleasePrune,
    ReleaseState,
    WantPublishable,
)
from aegir_components.scripts import script
from aegir_components.services.nfs_operations import MountFacts, WantFreshCopy, WantMarked
from tests.provider.parity import OPTIONS, database, directory, file, link, mount, package, resolved, unit, user
from tests.provider.parity_rows import (
    AEGIR,
    CONF,
    DATA,
    PHP,
    PUBLISHED,
    REGISTRY,
    RELEASE,
    RELEASES,
    ROWS,
    SITE,
    UNITS,
    call,
    named_call,
    row,
)

__all__ = ["ROWS"]

# Releases.

OURS = WantPublishable(publish_path=PUBLISHED, registry=REGISTRY, holder="me", releases=RELEASES)
OTHER = f"{CONF}/sites.d/other/.published"
call("want_publish_root", "nothing is there", ("/srv/new",))
call("want_publish_root", "it is root's", ("/srv/new",), directory("/srv/new", "root", "root", "2755"))
call("want_publish_root", "it is closed", ("/srv/new",), directory("/srv/new", "root", "root", "750"))
call("want_publish_root", "its group writes there", ("/srv/new",), directory("/srv/new", "root", "root", "775"))
call("want_publish_root", "it is somebody's home", ("/srv/new",), directory("/srv/new", "aegir", "aegir", "755"))
named_call(OURS, "nothing is there")
named_call(OURS, "a directory is there", directory(PUBLISHED))
named_call(OURS, "a file is there", file(PUBLISHED))
named_call(OURS, "our own link is there", link(PUBLISHED, RELEASE))
named_call(OURS, "a link to elsewhere is there", link(PUBLISHED, "/srv/elsewhere"))
named_call(OURS, "it is marked as ours", file(f"{REGISTRY}/.published", f"me\n{PUBLISHED}\n"))
named_call(OURS, "it is marked as ours elsewhere", file(f"{REGISTRY}/.published", "me\n/srv/q/code\n"))
named_call(OURS, "another stack has the name", file(f"{REGISTRY}/.published", f"she\n{PUBLISHED}\n"))
named_call(OURS, "another platform has the path", file(OTHER, f"she\n{PUBLISHED}\n"))
named_call(OURS, "another platform is below", file(OTHER, f"me\n{PUBLISHED}/below\n"))
named_call(OURS, "another platform is above", file(OTHER, "me\n/srv/p\n"))
named_call(OURS, "another platform is beside", file(OTHER, f"me\n{PUBLISHED}-2\n"))
call("want_published", "nothing is there", (PUBLISHED, RELEASE), directory("/srv/p"))
call("want_published", "another is live", (PUBLISHED, RELEASE), link(PUBLISHED, f"{RELEASES}/b2"))
call("want_published", "it is live", (PUBLISHED, RELEASE), link(PUBLISHED, RELEASE))
call("want_staged", "it is there", (RELEASE,), directory(RELEASE))
call("want_staged", "it is missing", (RELEASE,))
WANTED = ReleaseState(release=RELEASE, manifest=f"{RELEASE}.manifest", sites=DATA)
named_call(WANTED, "it is missing")
named_call(WANTED, "it is there without a record", directory(RELEASE))
call("want_seen", "it is there", (RELEASE, "/srv/p"), directory(RELEASE))
call("want_seen", "it is missing", (RELEASE, "/srv/p"))
FACTS = ReleaseFacts(publish_path=PUBLISHED, release=RELEASE, manifest=f"{RELEASE}.manifest", sites=DATA)
named_call(FACTS, "nothing is there")
named_call(ReleaseBegin(staging=f"{RELEASES}/.staging-a1"), "nothing is there", directory(RELEASES))
named_call(ReleaseWithout(staging=RELEASE, gone="ZmlsZQA=", within=""), "a file goes", file(f"{RELEASE}/file"))
row("release_unpack", "nothing comes", f"release_unpack staging={RELEASE} program=cat </dev/null", directory(RELEASE))
STAGE, MANIFEST = f"{RELEASES}/.staging-a1", f"{RELEASE}.manifest"
SINCE = ReleaseSumsSince(staging=STAGE, manifest=MANIFEST, former=RELEASE, changed="ZmlsZQA=", gone="")
call("release_walk", "one file came", (STAGE, MANIFEST), file(f"{STAGE}/file"))
row(
    "release_sums",
    "one file came",
    (script.call("release_walk", STAGE, MANIFEST), script.call("release_sums", STAGE, MANIFEST)),
    file(f"{STAGE}/file"),
)
named_call(SINCE, "one file came", file(f"{STAGE}/file"))
row("only_proven", "nothing came", (script.call("only_proven", STAGE, "0" * 64), "fact more told"), directory(STAGE))
named_call(ReleasePlace(staging=STAGE, manifest=MANIFEST, docroot=f"{STAGE}/web"), "it is missing", directory(STAGE))
named_call(ReleaseRepair(staging=STAGE, release=RELEASE, manifest=MANIFEST, sites=DATA), "nothing came")
named_call(ReleaseRecord(staging=STAGE, release=RELEASE, manifest=MANIFEST), "nothing came")
call("release_name", "nothing came", (STAGE, RELEASE))
named_call(
    ReleasePrune(releases=RELEASES, live="a1a1a1a1a1a1a1a1", gone="b2b2b2b2b2b2b2b2", registry=REGISTRY),
    "two are there and one goes",
    directory(RELEASE),
    directory(f"{RELEASES}/b2b2b2b2b2b2b2b2"),
    directory(f"{RELEASES}/.staging-c3"),
    compared="kinds",
)
TARGET = f"{DATA}/{SITE}/site"
SITES = LinkSites(docroot=f"{RELEASE}/web", registry=REGISTRY, sites=DATA)
named_call(
    SITES,
    "one comes and one goes",
    directory(f"{RELEASE}/web/sites"),
    file(f"{REGISTRY}/{SITE}", f"{SITE} {TARGET}\n"),
    link(f"{RELEASE}/web/sites/old", f"{DATA}/old/site"),
    link(f"{RELEASE}/web/sites/own", "../own"),
)
named_call(
    SITES,
    "the code has a directory of its name",
    directory(f"{RELEASE}/web/sites/{SITE}"),
    directory(f"{RELEASE}/web/sites/gone.example.com"),
    file(f"{REGISTRY}/{SITE}", f"{SITE} {TARGET}\n"),
    link(f"{RELEASE}/web/sites/gone.example.com/files", f"{DATA}/gone.example.com/site/files"),
)
named_call(SITES, "no site is there", directory(f"{RELEASE}/web/sites"), directory(REGISTRY))
SHARING = LinkShared(docroot=RELEASE, link="sites.php", target=f"{DATA}/.drupal/sites.php")
named_call(SHARING, "it is missing", directory(RELEASE))
named_call(
    SHARING,
    "the release has a file there",
    file(f"{RELEASE}/sites.php"),
)
SHARED = ("/srv/p/.releases", f"{DATA}/.drupal/sites.php")
call("last_shared", "another platform is there", SHARED, directory(RELEASES), file(SHARED[1]))
call("last_shared", "none is left", SHARED, directory("/srv/p/.releases"), file(SHARED[1]))
call("only_without_sites", "none are there", (REGISTRY,), file(f"{REGISTRY}/.published"))
call("only_without_sites", "two are there", (REGISTRY,), file(f"{REGISTRY}/b"), file(f"{REGISTRY}/a"))

# What a pack's members share.

SHARE, SOURCE = "/srv/share", "10.0.0.9:/export"
call("nfs_numbers", "both are there", (), AEGIR, user("www-data", "/var/www", "/usr/sbin/nologin", "33", "33"))
call("want_not_mounted", "it is a directory", (SHARE,), directory(SHARE))
call("want_not_mounted", "it is a mount", (SHARE,), mount(SHARE, SOURCE))
MARKED = WantMarked(path=SHARE, pack="farm")
MOVED = replace(MARKED, moved_from="web1:/srv")
named_call(MARKED, "it is not marked", directory(SHARE))
named_call(MARKED, "it is marked", file(f"{SHARE}/.aegir-export", "farm\n"))
named_call(MARKED, "it is another pack's", file(f"{SHARE}/.aegir-export", "other\n"))
named_call(MARKED, "its directory is missing")
named_call(MOVED, "it moves without a copy", directory(SHARE))
named_call(
    MOVED,
    "it moves with a copy",
    directory(SHARE),
    file("/var/lib/aegir/standby/farm", "1\n"),
)
call("nfs_moved", "a copy was made", ("farm",), file("/var/lib/aegir/standby/farm", "1\n"))
call("nfs_unmark", "it is ours", (SHARE, "farm"), file(f"{SHARE}/.aegir-export", "farm\n"))
call("nfs_unmark", "it is another pack's", (SHARE, "farm"), file(f"{SHARE}/.aegir-export", "other\n"))
LIST = file("/etc/exports.d/aegir-farm.exports", f"{SHARE} 10.0.0.3(rw,sync)\n{SHARE} 10.0.0.2(ro,sync)\n")
call("want_exported", "nobody has it", (SHARE, "10.0.0.3:rw", "10.0.0.2:ro"), directory(SHARE), LIST)
call("nfs_leave", "another export is there", ("/etc/nfs.conf.d/aegir.conf",), file("/etc/nfs.conf.d/aegir.conf"), LIST)
call("nfs_leave", "it was the last", ("/etc/nfs.conf.d/aegir.conf",), file("/etc/nfs.conf.d/aegir.conf"))
MOUNT = MountFacts(path=SHARE, mark="", patience="35")
LINE = f"{SOURCE} {SHARE} nfs4 {OPTIONS} 0 0"
named_call(MOUNT, "its directory is there", directory(SHARE))
named_call(MOUNT, "it is mounted", mount(SHARE, SOURCE))
named_call(MOUNT, "its options are others", mount(SHARE, SOURCE, "soft,nosuid,nodev"))
call("mount_bare", "it is missing", (SHARE,))
call("mount_bare", "its parent is missing", ("/srv/none/share",))
call(
    "mount_bare",
    "a web server's own directories are in it",
    (SHARE,),
    directory(f"{SHARE}/.releases"),
    directory(f"{SHARE}/.sites"),
)
call("mount_bare", "there are files in it", (SHARE,), file(f"{SHARE}/upload"), file(f"{SHARE}/.sites/a/file"))
call("mount_close", "it is there", (SHARE,), directory(SHARE))
call("mount_open", "it is closed", (SHARE,), directory(SHARE, mode="555"))
call("mount_limit", "it is missing", (SHARE,))
call("mount_reload", "a unit is new", ())
call("mount_keep", "no process starts", (SHARE,), mount(SHARE, SOURCE))
call("mount_free", "nothing waits", (SHARE, ""))
MADE = (script.call("mount_limit", SHARE), script.call("mount_start", SHARE), MOUNT.line)
row("mount_line", "it is missing", (script.call("mount_line", SHARE, LINE), *MADE), directory(SHARE))
row(
    "mount_line",
    "another is there",
    (script.call("mount_line", SHARE, LINE), *MADE),
    mount(SHARE, "10.0.0.8:/export", "soft"),
    mount("/srv/other", SOURCE),
)
row(
    "mount_line",
    "it goes",
    (script.call("mount_line", SHARE), script.call("mount_open", SHARE), *MADE[1:]),
    mount(SHARE, SOURCE),
)
row("mount_off", "it starts again", (script.call("mount_off", SHARE), *MADE[1:]), mount(SHARE, SOURCE))
row("mount_start", "it was off", MADE, mount(SHARE, SOURCE))
COPY = WantFreshCopy(pack="farm", unit="aegir-standby-farm.service", oldest="1200")
named_call(COPY, "it was never made", compared="reports")
named_call(COPY, "it is old", file("/var/lib/aegir/standby/farm", "1\n"), compared="reports")
call("standby_last", "it was never made", (COPY.pack, COPY.unit))
call("standby_last", "it was made", (COPY.pack, COPY.unit), file("/var/lib/aegir/standby/farm", "1\n"))
call("want_shared_place", "it is there", (SHARE,), directory(SHARE))
call("want_shared_place", "it is missing", (SHARE,))
call("want_proof_place", "it is missing", (SHARE,), directory(SHARE))
call("want_proof_place", "the share is missing", (SHARE,))
call("want_proof_place", "it is another's", (SHARE,), directory(f"{SHARE}/.aegir-proof"))
call("want_proof_place", "it is right", (SHARE,), directory(f"{SHARE}/.aegir-proof", "aegir", "aegir"))
PROOFS = directory(f"{SHARE}/.aegir-proof", "aegir", "aegir")
call("leave_proof", "there is a place", (SHARE, "token"), PROOFS)
call("leave_proof", "there is none", (SHARE, "token"), directory(SHARE))
call("find_proof", "the share is missing", (SHARE, "token"))
call("find_proof", "nobody has left one", (SHARE, "token"), PROOFS)
call("remove_proof", "it is there", (SHARE, "token"), PROOFS, file(f"{SHARE}/.aegir-proof/token"))

# Uploads of a cluster.

call("want_shared", "it is there", (SHARE,), directory(SHARE))
call("want_shared", "it is missing", (SHARE,))
call("want_shared", "a file is there", (SHARE,), file(SHARE))
call("leave_token", "the directory is there", (SHARE, "token"), directory(SHARE))
call("leave_token", "it is missing", (SHARE, "token"))
call("find_token", "the directory is missing", (SHARE, "token"))
call("find_token", "nobody has left one", (SHARE, "token"), directory(SHARE))
DIR = (f"{SHARE}/files", "site-a", "www-data", "2770", "site-a")
call("want_shared_dir", "it is missing", DIR, directory(SHARE))
call("want_shared_dir", "the share is missing", DIR)
call("want_shared_dir", "it differs", DIR, directory(DIR[0]))
call("want_shared_dir", "it is right", DIR, directory(DIR[0], "site-a", "www-data", "2770"))
call("want_served_dir", "it is missing", (DIR[0], "site-a"), directory(SHARE))
call("want_served_dir", "the share is missing", (DIR[0], "site-a"))
call("want_served_dir", "it differs", (DIR[0], "site-a"), directory(DIR[0]))
call("want_served_dir", "it has no list", (DIR[0], "site-a"), directory(DIR[0], "site-a", "www-data", "2770"))
call("want_served", "it has no list", (DIR[0],), directory(DIR[0], "site-a", "site-a", "2770"))
UPLOADS = ("/srv/site/files", DIR[0])
call("want_upload_link", "nothing is there", UPLOADS, directory("/srv/site"))
call("want_upload_link", "an empty directory is there", UPLOADS, directory(UPLOADS[0]))
call("want_upload_link", "uploads are there", UPLOADS, file(f"{UPLOADS[0]}/a.png"))
call("want_upload_link", "it is right", UPLOADS, directory("/srv/site"), link(*UPLOADS))
call("want_upload_link", "a file is there", UPLOADS, file(UPLOADS[0]))

# Names.

BLOCK = "MTAuMC4wLjIgd2ViMQo="
call("want_hosts_block", "it is missing", ("/etc/hosts", "me", BLOCK))
call("want_hosts_block", "it is not wanted", ("/etc/hosts", "me", ""))
row(
    "want_hosts_block",
    "its marks are broken",
    "echo '# BEGIN aegir me' >>/etc/hosts; want_hosts_block /etc/hosts me " + BLOCK,
)
OWN = ("/etc/hosts", "site www.example.com", "www.example.com", "example.com")
call("want_own_names", "they are missing", OWN)
call("want_own_names", "one is the machine's own", (*OWN, "web1"))
call("names_facts", "all agree", ("web1", "10.0.0.2"), resolved("10.0.0.2", "web1"))
call("names_facts", "nothing resolves", ("other", "10.0.0.7"))

# Databases.

TLS = "/etc/mysql/aegir-tls"
CERTIFICATE = (file(f"{TLS}/server.crt"), file(f"{TLS}/server.key", "key\n", "mysql", "mysql", "400"))
call("mysql_server", "none is there", ())
call("mysql_server", "MySQL is there", (), package("mysql-server"))
call("mysql_server", "MariaDB is there", (), package("mariadb-server"))
call("want_mysql_listening", "it does not run", ("3306",))
call("want_mysql_listening", "it listens to itself", ("3306",), database())
call("want_mysql_certificate", "it is missing", (TLS, "db1"))
call("want_mysql_certificate", "its key is open", (TLS, "db1"), file(f"{TLS}/server.crt"), file(f"{TLS}/server.key"))
call("want_mysql_certificate", "it is nobody's", (TLS, "db1"), *CERTIFICATE)
call("want_mysql_tls", "there is no certificate", (TLS,), database(), directory(TLS))
call("want_mysql_tls", "there is one", (TLS,), database(), *CERTIFICATE)
call("mysql_take_certificate", "TLS is off", (TLS,), database(), directory(TLS))
call("mysql_statements", "there is no server", ("U0VMRUNUIDE=", "made"))
call("mysql_statements", "there is one", ("U0VMRUNUIDE=", "made"), database())
call(
    "mysql_login", "nothing listens", ("W2NsaWVudF0KaG9zdD0xMC4wLjAuMwpwb3J0PTMzMDYKdXNlcj11CnBhc3N3b3JkPSJwIgo=", "d")
)
call("site_php", "PHP is not installed", ("site-a", SITE, RELEASE, "/srv/tmp", "PD9waHAK"))

# How a site was configured before a change.

KEPT = "/var/lib/aegir/former/site-a"
POOL, MASTER = f"{CONF}/php-fpm/pool-8.1.d/{SITE}.conf", f"{UNITS}/aegir-php@site-a.service"
NEW, OLD = file("/srv/settings.php", "new\n", mode="440"), file(f"{KEPT}/1", "old\n", mode="440")
SETTINGS = (NEW, OLD)
WANTED_FORMER = ("site-a", "aliases", "/srv/settings.php", POOL)
call("keep_former", "nothing is there", ("site-a", "php.memory aliases", "/srv/settings.php", POOL))
call("keep_former", "some of it is there", WANTED_FORMER, NEW)
call(
    "keep_former",
    "an earlier change is not proven",
    ("site-a", "aliases", "/srv/settings.php"),
    *SETTINGS,
    file(f"{KEPT}/list", "1 /srv/settings.php\n"),
    file(f"{KEPT}/keys", "php.memory\n"),
)
call("drop_former", "nothing is kept", ("site-a", "site-b"))
call(
    "drop_former",
    "another site has something",
    ("site-a",),
    file(f"{KEPT}/list"),
    file("/var/lib/aegir/former/site-b/list"),
)
call("drop_former", "it is the last one", ("site-a",), file(f"{KEPT}/list"))
call("restore_former", "nothing is kept", ("site-a", "apache_later"))
call(
    "restore_former",
    "its settings have changed",
    ("site-a", "apache_later"),
    *SETTINGS,
    file(f"{KEPT}/list", "1 /srv/settings.php\n"),
    file(f"{KEPT}/keys", "settings.x\n"),
)
call(
    "restore_former",
    "nothing has changed",
    ("site-a", "apache_later"),
    file("/srv/settings.php", "old\n"),
    file(f"{KEPT}/1", "old\n"),
    file(f"{KEPT}/list", "1 /srv/settings.php\n"),
    file(f"{KEPT}/keys", "settings.x\n"),
)
call(
    "restore_former",
    "its PHP was another version",
    ("site-a", "apache_later"),
    *PHP,
    file(POOL),
    directory(f"{CONF}/php-fpm/pool.d"),
    file(f"{KEPT}/1", "old\n"),
    file(f"{KEPT}/list", f"1 {CONF}/php-fpm/pool.d/{SITE}.conf\n- {POOL}\n"),
    file(f"{KEPT}/keys", "php.version\n"),
)
call(
    "restore_former",
    "it had no PHP of its own",
    ("site-a", "apache_later"),
    file(MASTER),
    unit("aegir-php@site-a.service", "enabled", "running"),
    file(f"{KEPT}/list", f"- {MASTER}\n"),
    file(f"{KEPT}/keys", "isolation\n"),
)
call(
    "restore_former",
    "it had a PHP of its own",
    ("site-a", "apache_later"),
    directory(UNITS),
    file(f"{KEPT}/1", "old\n"),
    file(f"{KEPT}/list", f"1 {MASTER}\n"),
    file(f"{KEPT}/keys", "isolation\n"),
)
call(
    "restore_former",
    "its vhost has changed",
    ("site-a", "apache_later"),
    file(f"{CONF}/apache/vhost.d/{SITE}.conf", "new\n"),
    file(f"{KEPT}/1", "old\n"),
    file(f"{KEPT}/list", f"1 {CONF}/apache/vhost.d/{SITE}.conf\n"),
    file(f"{KEPT}/keys", "aliases\n"),
)

# What only the command line asks.

call("status_units", "one runs", ("apache2",), unit("apache2", "running"))
call("status_cron", "it never ran", ("/var/aegir/config/cron", "site-a"))

# Which entry of a stack file a machine is, and whose vhost a file is.

ENTRY = "/var/lib/aegir/entries/aegir%test"
call("declare_entry", "it is new", ("aegir/test", "web1"))
call("declare_entry", "it had another name", ("aegir/test", "web1"), file(ENTRY, "www1\n"))
call("forget_entry", "it is there", ("aegir/test",), file(ENTRY, "web1\n"))
call("forget_entry", "another stack has one as well", ("aegir/test",), file(ENTRY), file(f"{ENTRY}-2"))
call("entry_facts", "nobody prepared it", ("aegir/test",))
call("entry_facts", "it was prepared", ("aegir/test",), user("aegir"), file(ENTRY, "web1\n"))
call("entry_facts", "another stack has it as well", ("aegir/test",), user("aegir"), file(ENTRY), file(f"{ENTRY}-2"))
call("entry_facts", "only another stack has it", ("aegir/test",), user("aegir"), file(f"{ENTRY}-2"))
STACK = "/var/lib/aegir/stacks/aegir%test"
call("want_own_stack", "it is new", ("aegir/test", "1", "ssh-rsa AA"))
call("want_own_stack", "its record was emptied", ("aegir/test", "1", "ssh-rsa AA"), file(STACK, ""))
call("want_own_stack", "it is known", ("aegir/test", "1", "ssh-rsa AA"), file(STACK, "1\n"))
RECORDED = file("/var/lib/aegir/services/key/aegir%test", "restrict ssh-rsa AA hub\n")
call("want_own_stack", "it is another one", ("aegir/test", "1", "ssh-rsa BB"), file(STACK, "2\n"), RECORDED)
call("want_own_stack", "its state was lost", ("aegir/test", "1", "ssh-rsa AA"), file(STACK, "2\n"), RECORDED)
call("want_own_stack", "nobody knows its key", ("aegir/test", "1", "ssh-rsa AA"), file(STACK, "2\n"))
call("want_own_stack", "the hub itself lost its state", ("aegir/test", "1", ""), file(STACK, "2\n"))
call("want_own_stack", "the hub itself is another's", ("aegir/test", "1", ""), file(STACK, "2\n"), RECORDED)
OTHER_SERVICE = (
    file("/var/lib/aegir/services/web-service/aegir%two", "apache on port 80\n"),
    file(f"{ENTRY[:-4]}two", "web1\n"),
)
APACHE = ("web-service", "aegir/test", "apache on port 80")
call("want_same_service", "nobody else has the machine", APACHE)
call("want_same_service", "another stack wants the same", APACHE, *OTHER_SERVICE)
call("want_same_service", "another stack wants it otherwise", (*APACHE[:2], "apache on port 81"), *OTHER_SERVICE)
call("want_same_service", "a stack that left wanted it otherwise", (*APACHE[:2], "apache on port 81"), OTHER_SERVICE[0])
SERVED = file("/var/lib/aegir/services/web-service/aegir%test", "apache on port 80\n")
for others, situation in (((), "the last stack goes"), (OTHER_SERVICE, "another stack stays")):
    leaving = (script.leave_service("web-service", "aegir/test"), script.no_file(f"{CONF}/x"))
    row("leave_service", situation, leaving, file(f"{CONF}/x"), SERVED, *others)
call("end_service", "nothing refused it", ("web-service", "aegir/test"), SERVED)
SSH, LINE, THEIRS = (
    f"{layout.AEGIR_ROOT}/.ssh",
    script.encoded("restrict ssh-ed25519 AA\n"),
    "restrict ssh-ed25519 BB\n",
)
KEY_FILE, KEY_OF_OTHER = f"{SSH}/authorized_keys", file("/var/lib/aegir/services/key/aegir%two", THEIRS)
HUB_KEY, ENTRY_OF_OTHER = ("aegir/test", KEY_FILE, "aegir", LINE), file(f"{ENTRY[:-4]}two", "web1\n")
call("want_hub_key", "nobody else has the machine", HUB_KEY, user("aegir"), directory(SSH))
call("want_hub_key", "another hub has it as well", HUB_KEY, user("aegir"), directory(SSH), KEY_OF_OTHER, ENTRY_OF_OTHER)
call("want_hub_key", "another hub had it", HUB_KEY, user("aegir"), directory(SSH), KEY_OF_OTHER)
call("want_hub_key", "somebody else's key is there", HUB_KEY, user("aegir"), directory(SSH), file(KEY_FILE, THEIRS))
OWN_RECORD = "/var/lib/aegir/services/key/aegir%test"
call("want_hub_key", "its record was changed", HUB_KEY, user("aegir"), directory(SSH), file(OWN_RECORD, "by hand\n"))
call("leave_hub_key", "the last hub goes", HUB_KEY[:3], user("aegir"), file(KEY_FILE, THEIRS))
call(
    "leave_hub_key",
    "another hub stays",
    HUB_KEY[:3],
    user("aegir"),
    file(KEY_FILE, "a\n"),
    KEY_OF_OTHER,
    ENTRY_OF_OTHER,
)
for now, situation in (("", "nobody recorded one"), ("web1\n", "it is this one"), ("www1\n", "it is another one")):
    guarded = (script.call("only_entry", "aegir/test", "web1"), script.no_file(f"{CONF}/x"))
    row("only_entry", situation, guarded, file(f"{CONF}/x"), *([file(ENTRY, now)] if now else []))
VHOST = f"{CONF}/apache/vhost.d/{SITE}.conf"
for text, situation in (
    (f"# Written by aegir for {SITE}. Your own\n", "it is the site's own"),
    ("# Written by aegir for other.example.com. Your own\n", "another site has written it since"),
    ("<VirtualHost>\n", "somebody else has written it"),
    (f"# Written by aegir for {SITE}. without an end", "it has no end"),
    ("", "it is empty"),
):
    call("want_no_vhost", situation, (VHOST, SITE), file(VHOST, text))
call("want_no_vhost", "it is gone", (VHOST, SITE))
FORMER, ITS_OWN = f"{CONF}/apache/vhost.d/former.example.com.conf", f"# Written by aegir for {SITE}. Your own\n"
call("want_one_vhost", "there is no other", (VHOST, SITE), file(VHOST, ITS_OWN))
call("want_one_vhost", "a rename has left another", (VHOST, SITE), file(VHOST, ITS_OWN), file(FORMER, ITS_OWN))
call("want_one_vhost", "another site has one", (VHOST, SITE), file(FORMER, ITS_OWN.replace(SITE, "other.example.com")))

NAMES_OF = (REGISTRY, f"{CONF}/apache")
ENTRIES = (
    file(f"{REGISTRY}/a", "a.example.com /x\nalias.example.com /x\n"),
    file(f"{REGISTRY}/b", "b.example.com /y\n"),
)
call("release_sites", "nothing is there", NAMES_OF)
call("release_sites", "Apache on port 80", NAMES_OF, *ENTRIES, file(f"{REGISTRY}/.published", "me\n/x\n"))
ON_TLS = "<VirtualHost *:443>\n</VirtualHost>\n<VirtualHost *:8080>\n</VirtualHost>\n"
call("release_sites", "Apache on another port", NAMES_OF, *ENTRIES, file(f"{CONF}/apache/vhost.d/a.conf", ON_TLS))
call("release_sites", "nginx on another port", NAMES_OF, *ENTRIES, file(f"{CONF}/apache/listen.conf", "listen 8081;\n"))
UNPROVEN = file(f"{REGISTRY}/.unproven", "/x/releases/a\na.example.com\n")
call("release_sites", "a switch was never proven", NAMES_OF, *ENTRIES, UNPROVEN)
HELD = file(f"{REGISTRY}/.held", f"a.example.com {RELEASE} web failed 7 -\nb.example.com {RELEASE} . waiting 7 -\n")
call(
    "release_sites",
    "vhosts that know of sites held back",
    NAMES_OF,
    *ENTRIES,
    file(f"{CONF}/apache/vhost.d/a.conf", "Define AEGIR_HELD_a\n"),
)
call("live_facts", "one is published", (PUBLISHED, "/srv/p/other"), link(PUBLISHED, RELEASE))
call("release_has", "neither is there", (RELEASE, "a.php", "b/c.php"))
call("release_has", "one is there", (RELEASE, "a.php", "b/c.php"), file(f"{RELEASE}/b/c.php", "x"))
call("release_names", "none is there", (RELEASES,))
call("release_names", "one is there", (RELEASES,), directory(RELEASE), directory(f"{RELEASES}/.staging-x"))
call("held_facts", "none is held back", (REGISTRY,))
call("held_facts", "two are held back", (REGISTRY,), HELD)
PROGRAMS = file("/var/lib/aegir/held/a.env", f"AEGIR_DOCROOT={RELEASE}/web\n")
GOES = (REGISTRY, "a.example.com", "/var/lib/aegir/held/a.env")
call("forget_held", "none is held back", GOES)
call("forget_held", "one of two goes", GOES, HELD, PROGRAMS)
call(
    "forget_held", "the last one goes", GOES, PROGRAMS,
    file(f"{REGISTRY}/.held", f"a.example.com {RELEASE} . failed 7 -\n"),
)  # fmt: skip
call(
    "forget_held", "another platform holds it back", GOES, HELD, PROGRAMS,
    file(f"{CONF}/sites.d/other/.held", f"a.example.com {RELEASE} web waiting 7 -\n"),
)  # fmt: skip
row("link_held", "none is held back", script.call("link_held", REGISTRY, DATA), *ENTRIES)
row(
    "link_held",
    "two are held back",
    script.call("link_held", REGISTRY, DATA),
    *ENTRIES,
    HELD,
    directory(f"{RELEASE}/web"),
    compared="kinds",
)
ABROAD = file(f"{CONF}/sites.d/other/.held", f"c.example.com {RELEASE} web waiting 7 -\n")
ARRIVED = file(f"{CONF}/sites.d/other/c.example.com", "c.example.com /z\n")
row(
    "link_sites",
    "a site of another platform is on this release",
    SITES.line,
    *ENTRIES,
    ABROAD,
    ARRIVED,
    directory(f"{RELEASE}/web"),
    compared="kinds",
)
row(
    "link_held",
    "one is on a release of another platform",
    script.call("link_held", f"{CONF}/sites.d/other", DATA),
    *ENTRIES,
    ABROAD,
    ARRIVED,
    file(f"{REGISTRY}/.published", f"me\n{PUBLISHED}\n"),
    directory(f"{RELEASE}/web"),
    compared="kinds",
)
call("only_without_sites", "a site of another platform is on a release", (REGISTRY, RELEASES), ABROAD)
call("release_stock", "a site of another platform is on one", (RELEASES, REGISTRY), ABROAD, directory(RELEASE))
CLOSED, UPDATING = (f"/var/lib/aegir/{place}/{SITE}" for place in ("closed", "updating"))
DOOR = "0123456789abcdef0123456789abcdef"
DOORS = (file(f"{CLOSED}.{DOOR}", ""), file(f"{CLOSED}.org.{DOOR}", ""))
call("no_doors", "none is there", (CLOSED,))
call("no_doors", "keys of this site and of another one", (CLOSED,), *DOORS, file(CLOSED, "x\n"))
call("site_last_error", "nothing was logged", ("/var/log/aegir/www.example.com.error.log",))
call("updating_names", "none is there", ("/var/lib/aegir/updating",))
call("updating_names", "one is there", ("/var/lib/aegir/updating",), file(UPDATING, ""))
call("closing_facts", "it is open", (CLOSED, UPDATING))
call("closing_facts", "it is closed and updated", (CLOSED, UPDATING), file(CLOSED, "a reason\n"), file(UPDATING, ""))
call("want_proven", "all switches were proven", (REGISTRY,), *ENTRIES)
call("want_proven", "a switch was never proven", (REGISTRY,), *ENTRIES, UNPROVEN)

BROUGHT = ("/srv/d/files", "/srv/d/private")
PICTURES = (
    directory("/srv/d/private"),
    file("/srv/d/files/2026/a.jpg", "abc"),
    file("/srv/d/files/.htaccess", "Deny\n"),
)
call("site_content", "all is there", BROUGHT, *PICTURES)
call("site_content", "nothing was brought yet", BROUGHT, *map(directory, BROUGHT))
call("site_content", "one of them is gone", BROUGHT, directory("/srv/d/files"))
call(
    "site_content",
    "they are links, and links to files do not count",
    ("/srv/l", "/srv/d/private"),
    *PICTURES,
    link("/srv/l", "d/files"),
    link("/srv/d/files/l", "2026/a.jpg"),
)

HAVE = ("/srv/p", "/srv/q")
call("inventory_web", "nothing is there", HAVE)
call(
    "inventory_web",
    "two platforms of two stacks, with sites",
    HAVE,
    file(f"{CONF}/sites.d/a/.published", "aegir/x\n/srv/p/a\n"),
    file(f"{CONF}/sites.d/a/one.example.com", "one.example.com /x\n"),
    file(f"{CONF}/sites.d/b/.published", "aegir/y\n/srv/q/b\n"),
    file(f"{CONF}/sites.d/b/.unproven", "/srv/q/.releases/b/1\n"),
    directory("/srv/p/.sites/.wordpress"),
    file("/srv/p/.sites/one.example.com/site/files/a.jpg"),
    file("/srv/p/.sites/one.example.com/site/settings.php"),
    directory("/srv/q/.sites/two.example.com"),
)

WITH = ("one", "/var/lib/aegir/held/one.env")
ENTERED = (f"{CONF}/sites.d/a", "one", "aegir/x", "/srv/p/.sites/one/site", "aegir", *WITH)
BOTH = tuple(file(f"{CONF}/sites.d/{name}/one", "one.example.com /x\n") for name in ("a", "b", "c"))
MARKS = tuple(
    file(f"{CONF}/sites.d/{name}/.published", f"{whose}\n/srv/p/{name}\n")
    for name, whose in (("a", "aegir/x"), ("b", "aegir/x"), ("c", "aegir/other"))
)
LINKED = (
    link("/srv/p/b", "/srv/p/.releases/b/1"),
    link("/srv/p/.releases/b/1/sites/one.example.com", "/srv/p/.sites/one/site"),
)
call("leave_others", "no other has it", ENTERED, BOTH[0], *MARKS)
call("leave_others", "another one of the stack has it, and one of another stack", ENTERED, *BOTH, *MARKS, *LINKED)
call(
    "leave_others", "another one of the stack holds it back", ENTERED, *BOTH, *MARKS, *LINKED,
    file(f"{CONF}/sites.d/b/.held", "one /srv/p/.releases/c/1 web waiting 7 -\n"),
    file("/var/lib/aegir/held/one.env", "AEGIR_DOCROOT=/srv/p/.releases/c/1/web\n"),
)  # fmt: skip

HUBS, RECORD = "aegir_root@10.0.0.1", "/var/lib/aegir/database-accounts/aegir_root@10.0.0.1"
call("want_own_account", "nobody has it", (HUBS, "farm/one"), directory("/var/lib/aegir"))
call(
    "want_own_account",
    "another stack has it",
    (HUBS, "farm/one"),
    file(RECORD, "farm/two\n"),
    file("/var/lib/aegir/entries/farm%two", "db1\n"),
)
call("want_own_account", "a stack had it that left", (HUBS, "farm/one"), file(RECORD, "farm/two\n"))
AUTHORITY = ("/etc/mysql/aegir-tls", "farm/one")
OF_ANOTHER = (file("/etc/mysql/aegir-tls/stack", "farm/two\n"), file("/var/lib/aegir/entries/farm%two", "db1\n"))
call("want_own_authority", "it is new", AUTHORITY)
call("want_own_authority", "it is another stack's", AUTHORITY, *OF_ANOTHER)
call("want_own_authority", "it is of a stack that left", AUTHORITY, OF_ANOTHER[0])
TEXTS = (*AUTHORITY, "YQo=", "Ygo=")
call("want_mysql_file", "nobody else demands TLS", TEXTS, package("mariadb-server"))
call("want_mysql_file", "beside MySQL", TEXTS, package("mysql-server"))
call("want_mysql_file", "another stack left its certificate", TEXTS, package("mariadb-server"), OF_ANOTHER[0])
call("want_mysql_file", "another stack demands TLS", TEXTS, package("mariadb-server"), *OF_ANOTHER)
LEAVES = (HUBS, "farm/one", script.encoded("SELECT 1;\n"), "/etc/mysql/aegir-tls")
OF_STACKS = (
    package("mariadb-server"), file("/etc/mysql/mariadb.conf.d/99-aegir.cnf"), file("/etc/mysql/aegir-tls/ca.crt"),
    file("/var/lib/aegir/entries/farm%one", "db1\n"),
)  # fmt: skip
call("leave_database", "the last stack goes", LEAVES, *OF_STACKS, file(RECORD, "farm/one\n"))
call(
    "leave_database",
    "another stack stays",
    LEAVES,
    *OF_STACKS,
    file(RECORD, "farm/one\n"),
    file("/var/lib/aegir/entries/farm%two", "db1\n"),
)
call("leave_database", "the account is another stack's", LEAVES, *OF_STACKS, file(RECORD, "farm/two\n"))
STAYS = script.call("want_no_file", "/srv/shared")
MINE, OTHERS = file("/var/lib/aegir/entries/farm%one", "db1\n"), file("/var/lib/aegir/entries/farm%two", "db1\n")
row(
    "only_stack",
    "another stack has the machine",
    (script.only_stack("farm/one"), STAYS),
    MINE,
    OTHERS,
    file("/srv/shared"),
)
row("only_stack", "it is the last one", (script.only_stack("farm/one"), STAYS), MINE, file("/srv/shared"))
row("only_stack", "nobody is known", (script.only_stack("farm/one"), STAYS), file("/srv/shared"))
