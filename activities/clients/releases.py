"""A directory of releases: `releases/<name>`, the `current` symlink, and `history`, one name a line, newest last.

Any deploy tool may move the symlink and append to `history`; what it did not write down is noticed at the next move.
The one thing to know: each move is written into a journal before the symlink moves and after the restart, so that a
move with the same key carries on where a dead worker left off, and never goes back twice. Whether the restart itself
took place is seen in the process of the `pid_file`, where a target has one.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from activities.actions.ports import Program, ProgramRunner, ReleaseMove
from activities.clients.journal import Journal, sync_folder, write_durably
from activities.clients.processes import ProcessIdentity, reload, running_identity
from domain.configuration import ReleaseTarget
from domain.errors import NeedsHuman, Rejected, RejectionKind, Transient
from domain.model import Model

# A release is a folder right below `releases/`: no slash, no leading dot, nothing that looks like an option.
_RELEASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
# A rollback looks back one release; the rest of the history is for people.
_MOST_HISTORY = 100
# Who only asks does not wait for a restart to end; it asks again.
_ASK_SECONDS = 5.0


class _Plan(Model):
    """One move, as the journal remembers it."""

    previous: str | None
    current: str | None
    history: tuple[str, ...]
    history_before: tuple[str, ...]
    done: bool = False
    restarted: bool = False
    # The process that the restart under way is to replace; None: no restart was begun, or nobody can tell.
    replaces: ProcessIdentity | None = None

    def move(self) -> ReleaseMove:
        return ReleaseMove(previous=self.previous, current=self.current, restarted=self.restarted)


class _RestartFailed(Transient):
    """The symlink has moved, and no process has picked it up."""


class ReleaseDirectories:
    """Implements `Releases` with symlinks."""

    def __init__(self, programs: ProgramRunner) -> None:
        self._programs = programs

    async def activate(self, target: ReleaseTarget, release: str, key: str, seconds: float) -> ReleaseMove:
        """Point `current` at a release, as `Releases` promises."""
        place = _Place(target)
        place.demand(release)
        async with place.journal.alone(target.directory, seconds):
            plan = place.begun(key) or place.plan_to(release)
            return await self._carry_out_or_put_back(place, key, plan, seconds)

    async def roll_back(self, target: ReleaseTarget, key: str, seconds: float) -> ReleaseMove:
        """Go back one release, as `Releases` promises."""
        place = _Place(target)
        async with place.journal.alone(target.directory, seconds):
            plan = place.begun(key) or place.plan_back()
            return await self._carry_out_or_put_back(place, key, plan, seconds)

    async def restart(self, target: ReleaseTarget, key: str, seconds: float) -> ReleaseMove:
        """Start the current release again, as `Releases` promises."""
        place = _Place(target)
        async with place.journal.alone(target.directory, seconds):
            plan = place.begun(key) or place.plan_to_stay()
            return await self._carry_out(place, key, plan, seconds)

    async def undo(self, target: ReleaseTarget, key: str, performed: ReleaseMove | None, seconds: float) -> ReleaseMove:
        """Go back to before a move, as `Releases` promises."""
        place = _Place(target)
        undo_key = f"{key}/undo"
        async with place.journal.alone(target.directory, seconds):
            plan = place.begun(undo_key) or place.plan_undo(key, performed)
            # A failed undo stays where it was going: that is the better place, and its next attempt starts from there.
            return await self._carry_out(place, undo_key, plan, seconds)

    async def moved(self, target: ReleaseTarget, key: str) -> ReleaseMove | None:
        """The finished move of a key, as `Releases` promises."""
        place = _Place(target)
        async with place.journal.alone(target.directory, _ASK_SECONDS):
            plan = place.remembered(key)
        return plan.move() if plan is not None and plan.done else None

    async def _carry_out_or_put_back(self, place: "_Place", key: str, plan: _Plan, seconds: float) -> ReleaseMove:
        """A move that has failed leaves nothing behind, so that a failed step needs no undo."""
        try:
            return await self._carry_out(place, key, plan, seconds)
        except _RestartFailed as error:
            place.point(plan.previous)
            place.write_history(plan.history_before)
            again = f"{plan.previous!r} is current again" if plan.previous else "no release is current, as before"
            try:
                if plan.previous is not None:
                    await self._restart(place.target, plan.previous, seconds)
            except _RestartFailed:
                again += ", but its restart failed too"
            raise Transient(f"{error.sentence}; {again}") from None

    async def _carry_out(self, place: "_Place", key: str, plan: _Plan, seconds: float) -> ReleaseMove:
        if plan.done:
            return plan.move()
        try:
            place.journal.put(key, plan.model_dump())
            place.point(plan.current)
            place.write_history(plan.history)
            restarted = plan.current is not None and await self._restart_once(place, key, plan, plan.current, seconds)
            done = plan.model_copy(update={"done": True, "restarted": restarted})
            place.journal.put(key, done.model_dump())
        except OSError as error:
            raise Rejected(f"{place.target.directory} cannot be changed: {error.strerror}") from None
        return done.move()

    async def _restart_once(self, place: "_Place", key: str, plan: _Plan, release: str, seconds: float) -> bool:
        """Restart, unless an attempt that died has done so: another process runs then than it was to replace."""
        now = place.process()
        if plan.replaces is not None and now is not None and now != plan.replaces:
            return True
        place.journal.put(key, plan.model_copy(update={"replaces": now}).model_dump())
        try:
            return await self._restart(place.target, release, seconds)
        except _RestartFailed:
            # It may have replaced the process and failed all the same: the next attempt begins anew.
            place.journal.put(key, plan.model_copy(update={"replaces": None}).model_dump())
            raise

    async def _restart(self, target: ReleaseTarget, release: str, seconds: float) -> bool:
        """Let the process pick the release up; False when there is none to be told."""
        if target.restart:
            program = Program(target.restart, target.directory, seconds, {"HOTWASH_RELEASE": release})
            try:
                ended = await self._programs.run(program)
            except Rejected as error:
                raise _RestartFailed(error.sentence) from None
            if ended.exit_code != 0:
                how = f"exit code {ended.exit_code}" if ended.exit_code is not None else f"not ended in {seconds:g} s"
                raise _RestartFailed(f"the restart with {release!r} failed ({how}): {ended.stderr[-500:].strip()}")
            return True
        return target.pid_file is not None and reload(Path(target.pid_file))


class _Place:
    """One directory of releases. Everything but `demand` and `remembered` needs its journal's lock."""

    def __init__(self, target: ReleaseTarget) -> None:
        self.target = target
        self._directory = Path(target.directory)
        self._releases = self._directory / "releases"
        self.journal = Journal(self._directory / ".hotwash-journal.json")

    def demand(self, release: str) -> None:
        """Rejected unless the release is a folder right below `releases/`, by name and in fact."""
        path = self._releases / release
        if (
            not _RELEASE_NAME.fullmatch(release)
            or not path.is_dir()
            or path.resolve().parent != self._releases.resolve()
        ):
            raise Rejected(f"there is no release {release!r} in {self._releases}", RejectionKind.NOT_FOUND)

    def process(self) -> ProcessIdentity | None:
        """Who runs from here, when a restart replaces processes and somebody writes down which; else None."""
        # SIGHUP replaces nobody, and twice is as good as once.
        if self.target.pid_file is None or not self.target.restart:
            return None
        with suppress(Rejected):
            return running_identity(Path(self.target.pid_file))
        return None

    def remembered(self, key: str) -> _Plan | None:
        """What the journal knows of a key."""
        entry = self.journal.entry(key)
        return None if entry is None else _Plan.model_validate(entry)

    def begun(self, key: str) -> _Plan | None:
        """The plan to carry on with: done, or at least moved; one that never moved is planned anew."""
        plan = self.remembered(key)
        if plan is None or plan.done or plan.current == self._current():
            return plan
        return None

    def plan_to(self, release: str) -> _Plan:
        """Move to a release by name."""
        now, history = self._current(), self._history()
        after = history if release == now else (*history, release)
        return _Plan(previous=now, current=release, history=after, history_before=history)

    def plan_back(self) -> _Plan:
        """Move to the release before the current one, by record and never by name."""
        now, history = self._current(), self._history()
        earlier = history
        while earlier and earlier[-1] == now:
            earlier = earlier[:-1]
        if not earlier:
            raise Rejected(
                f"no release before {now!r} is on record in {self._directory / 'history'}; "
                "activate one by its name, and let deploys append to that file",
                RejectionKind.CONFLICT,
            )
        self.demand(earlier[-1])
        return _Plan(previous=now, current=earlier[-1], history=earlier, history_before=history)

    def plan_to_stay(self) -> _Plan:
        """Move nowhere, so that only the restart is left."""
        now, history = self._current(), self._history()
        if now is None:
            raise Rejected(f"no release is current in {self._directory}; activate one", RejectionKind.CONFLICT)
        return _Plan(previous=now, current=now, history=history, history_before=history)

    def plan_undo(self, key: str, performed: ReleaseMove | None) -> _Plan:
        """Move to where the move of that key came from; nowhere when it never happened."""
        now, history = self._current(), self._history()
        stay = _Plan(previous=now, current=now, history=history, history_before=history, done=True)
        begun = self.remembered(key)
        came_from, went_to = (begun or performed or stay).previous, (begun or performed or stay).current
        if now == came_from:
            return stay
        if now != went_to:
            raise NeedsHuman(
                f"{self._directory} has moved on to {now!r} since {went_to!r} was activated; "
                f"decide whether {came_from!r} is to come back"
            )
        before = history[:-1] if begun is None else begun.history_before
        return _Plan(previous=now, current=came_from, history=before, history_before=history)

    def point(self, release: str | None) -> None:
        """Let `current` name a release, at once for everybody who looks."""
        current = self._directory / "current"
        if release is None:
            current.unlink(missing_ok=True)
        else:
            beside = self._directory / ".current.hotwash"
            with suppress(FileNotFoundError):
                beside.unlink()
            beside.symlink_to(f"releases/{release}")
            beside.replace(current)
        sync_folder(self._directory)

    def write_history(self, history: tuple[str, ...]) -> None:
        """Replace the history file."""
        write_durably(self._directory / "history", "".join(f"{name}\n" for name in history[-_MOST_HISTORY:]))

    def _history(self) -> tuple[str, ...]:
        try:
            lines = (self._directory / "history").read_text(errors="replace").split()
        except FileNotFoundError:
            lines = []
        now = self._current()
        # A deploy that only moved the symlink is noticed here.
        if now is not None and (not lines or lines[-1] != now):
            lines.append(now)
        return tuple(lines)

    def _current(self) -> str | None:
        link = self._directory / "current"
        if not os.path.lexists(link):
            return None
        pointed = self._directory / link.readlink() if link.is_symlink() else link
        if pointed.parent.resolve() != self._releases.resolve() or not _RELEASE_NAME.fullmatch(pointed.name):
            raise Rejected(f"{link} is no symlink into {self._releases}; mend it by hand", RejectionKind.CONFLICT)
        return pointed.name
