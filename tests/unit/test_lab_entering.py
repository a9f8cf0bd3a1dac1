"""How a program gets into a container without the engine: the decisions of it."""

from __future__ import annotations

from pathlib import Path

from lab import entering


def test_a_set_of_capabilities_is_written_as_setpriv_takes_it() -> None:
    assert "-all" == entering.bounding(0)
    assert "-all,+cap_0,+cap_1,+cap_31" == entering.bounding(0x80000003)


def test_groups_of_both_versions_are_named_where_they_are_mounted() -> None:
    lines = "9:name=systemd:/pods/one/init.scope\n2:cpu,cpuacct:/pods/one\n0::/pods/one"
    both = ["/sys/fs/cgroup/systemd/pods/one/init.scope", "/sys/fs/cgroup/cpu,cpuacct/pods/one"]

    assert [*both, "/sys/fs/cgroup/unified/pods/one"] == entering.groups(lines, lambda _path: True)
    assert ["/sys/fs/cgroup/pods/one"] == entering.groups("0::/pods/one", lambda path: path == Path("/sys/fs/cgroup"))
