"""Random edits, kills, drift and older states, with the content of every declared site compared after each step.

>>> driver = Driver(OnHosts.made(lab, wordpress, directory), seed=1)
>>> driver.run(12)
"""

from __future__ import annotations

import copy
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.random import edits
from tests.random.world import World

PATIENCE = 30.0
"""Seconds until what a run has repaired counts: OPcache's two, and a look on a busy machine."""


class Driver:
    """Steps over a world, from a seed.

    Args:
        world: where they are made.
        seed: the same seed makes the same steps; the moment of a kill depends on the machine.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.seed = world, seed
        self.chance = random.Random(seed)
        self.told: list[str] = []
        self.counts: Counter[str] = Counter()
        self._states: list[Any] = []
        self._files: list[tuple[dict[str, Any], dict[str, str]]] = []
        self._kinds: dict[Callable[[], str], int] = {
            self._applied: 8, self._rejected: 2, self._broken: 1, self._by_hand: 3, self._killed: 4, self._older: 1,
            self._older_file: 1, self._hindered: 1,
        }  # fmt: skip

    def run(self, steps: int) -> None:
        """Make so many steps.

        Raises:
            AssertionError: a site lost something, or a farm does not come right; with all steps until then.
        """
        for number in range(1, steps + 1):
            kind = self.chance.choices(list(self._kinds), list(self._kinds.values()))[0]
            self.told.append(f"{number}: {kind.__name__.strip('_')}")
            said = kind()
            self.told[-1] += f" {said}"
            self.counts[kind.__name__.strip("_")] += 1
            self._compare()

    def _compare(self) -> None:
        until = time.monotonic() + PATIENCE
        # PHP goes on for two seconds with a file that somebody broke, and that the run has written anew.
        while (missing := self.world.missing()) and time.monotonic() < until:
            time.sleep(0.3)
        assert not missing, f"{'; '.join(missing)}\n{self._history()}"

    def _history(self) -> str:
        return "\n".join([f"seed {self.seed}", *self.told])

    def _edit(self) -> str:
        edit = self.chance.choice(edits.APPLIED + (edits.MOVES if self.world.moves else ()))
        edit(self.world, self.chance)
        return edit.__name__

    def _up(self, *, refresh: bool = False, ok: bool = True) -> None:
        done = self.world.up(refresh=refresh)
        what = f"up{' --refresh' if refresh else ''} {'succeeded' if done.ok else 'failed'}"
        assert done.ok is ok, f"{what}\n{done.output}\n{self._history()}"

    def _applied(self) -> str:
        before, kept = copy.deepcopy(self.world.settings), dict(self.world.kept)
        names = [self._edit()]
        # A site that goes and a web server that leaves are two runs; a preview says so.
        if self.chance.random() < 0.25 and not {"extra", "cluster", "away", "database"} & set(names):
            names.append(self._edit())
        self.told[-1] += f" ({'+'.join(names)})"
        done = self.world.up()
        if not done.ok and "For those that no stack file has, run aegir check-stack" in done.output:
            self._rid_of_nobodys(before, kept)
            done = self.world.up()
        assert done.ok, f"up failed\n{done.output}\n{self._history()}"
        self._states = [*self._states[-3:], self.world.export()]
        self._files = [*self._files[-3:], (copy.deepcopy(self.world.settings), dict(self.world.kept))]
        return ""

    def _rid_of_nobodys(self, before: dict[str, Any], kept: dict[str, str]) -> None:
        """Do what `aegir check-stack` says of a site that only a killed run knew: declare it, and take it out after that."""
        now, now_kept = self.world.settings, self.world.kept
        self.world.settings, self.world.kept = copy.deepcopy(before), dict(kept)
        edits.extra(self.world, self.chance)
        self._up()
        edits.extra(self.world, self.chance)
        self._up()
        self.told[-1] += f" (with {edits.EXTRA} declared again, and taken out)"
        self.world.settings, self.world.kept = now, now_kept

    def _rejected(self) -> str:
        edit, before = self.chance.choice(edits.REJECTED), copy.deepcopy(self.world.settings)
        edit(self.world, self.chance)
        self._up(ok=False)
        self.world.settings = before
        self._compare()
        self._up()
        return edit.__name__

    def _broken(self) -> str:
        sites = self.world.settings["sites"].values()
        open_sites = [site for site in sites if site.get("state") != "disabled"]
        edits.broken_release(self.world, self.chance)
        # Where every site is closed nobody can prove it; the repair follows before one is opened.
        self._up(ok=not open_sites)
        if open_sites:
            self._compare()
        edits.repair_release(self.world)
        self._up()
        return ""

    def _by_hand(self) -> str:
        said = self.world.by_hand(self.chance)
        self.told[-1] += f" ({said})"
        self._up(refresh=True)
        return ""

    def _killed(self) -> str:
        before, kept = copy.deepcopy(self.world.settings), dict(self.world.kept)
        self.told[-1] += f" ({self._edit()})"
        self.world.killed(self.chance)
        return self._taken_back_or_not(before, kept)

    def _older(self) -> str:
        if not self._states:
            return "none"
        number = self.chance.randrange(len(self._states))
        self.world.restore(self._states[number])
        done = self.world.up()
        if "Change one of them with one pulumi up, and the other with another" in done.output:
            self._one_after_the_other(self._files[number][0])
        if "in the same edit" in done.output:
            # That state has a site which is gone, on a web server which has left since.
            self.world.settings["confirm_removals"] = [edits.EXTRA]
        # One plain up may say what is wrong; one with a look at all machines has to put it right.
        self._up(refresh=True)
        self.world.settings.pop("confirm_removals", None)
        return "" if done.ok else "that failed at first"

    def _one_after_the_other(self, then: dict[str, Any]) -> None:
        """Do what a rejection says of a state whose sites are on another database server, and on a part of their web servers."""
        now = self.world.settings
        called = {entry["address"]: name for name, entry in now["servers"].items()}
        # An entry may have another name by now.
        names = {name: called.get(entry["address"], name) for name, entry in then["servers"].items()}
        was = {key: copy.deepcopy(then.get(key, {})) for key in ("platforms", "clusters")}
        for platform in was["platforms"].values():
            platform["server"] = names.get(platform["server"], platform["server"])
        for cluster in was["clusters"].values():
            cluster["servers"] = [names[name] for name in cluster["servers"]]
        self.world.settings = {**copy.deepcopy(now), **was}
        self._up(refresh=True)
        self.told[-1] += " (web servers after the database)"
        self.world.settings = now

    def _older_file(self) -> str:
        """The stack file of some runs ago, as from another branch: it is brought about, or rejected and nothing happens."""
        if not self._files:
            return "none"
        now = copy.deepcopy(self.world.settings), dict(self.world.kept)
        settings, kept = self.chance.choice(self._files)
        self.world.settings, self.world.kept = copy.deepcopy(settings), dict(kept)
        done = self.world.up()
        if done.ok:
            return ""
        assert "othing was changed" in done.output or "nothing was touched" in done.output, done.output
        self.world.settings, self.world.kept = now
        self._up()
        return "that was rejected"

    def _hindered(self) -> str:
        """A machine does not answer, or has no room, while an edit is applied; then it does, and the edit stays or goes."""
        before, kept = copy.deepcopy(self.world.settings), dict(self.world.kept)
        edit = self._edit()
        with self.world.hindered(self.chance) as what:
            self.told[-1] += f" ({edit}; {what})"
            done = self.world.up()
        return f"{'went through' if done.ok else 'failed'}, {self._taken_back_or_not(before, kept)}"

    def _taken_back_or_not(self, before: dict[str, Any], kept: dict[str, str]) -> str:
        """Take the last edit back, or leave it; the next run comes right. Say which."""
        if back := self.chance.random() < 0.5:
            self.world.settings, self.world.kept = before, kept
        self._up()
        return "taken back" if back else "gone on"
