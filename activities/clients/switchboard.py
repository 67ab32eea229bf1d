"""Moves switches once per key: writes down what was before, sets, reads back, and knows the way back.

Implements `Switchboard` for every action of `activities/actions/switches.py`. A `Setting` is one switch that can be
read and set; all that is said here of crashes and repetitions holds for each of them.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from activities.actions.switches import AnyPlace, Change, Switch, same_json
from activities.clients.journal import Journal
from domain.errors import NeedsHuman, Transient
from domain.model import Model

# Who undoes or asks waits for a mover this long, and asks again.
_ASK_SECONDS = 5.0


class Written(Model):
    """What setting a switch has brought to light; see `Change`."""

    note: str = ""
    mark: str = ""


class Setting(Protocol):
    """One switch. All raise Transient when the target is away and Rejected when it refuses."""

    async def read(self) -> Any:
        """What it is."""

    async def write(self, value: Any, undone: Change[Any] | None) -> Written:
        """Set it; setting it to what it is does no harm. `undone`: the change that is taken back."""

    async def confirm(self, value: Any) -> None:
        """See that what is set is also in effect; Transient when it is not yet."""
        # Most switches are what they say.
        del value


class _Move(Model):
    """One move, as the journal remembers it."""

    previous: Any
    current: Any
    done: bool = False
    note: str = ""
    mark: str = ""

    def change(self) -> Change[Any]:
        return Change[Any](previous=self.previous, current=self.current, note=self.note, mark=self.mark)


class Switches:
    """Implements `Switchboard`; `settings` makes the setting of a place, by the place's type."""

    def __init__(self, settings: Mapping[type[AnyPlace], Callable[[Any], Setting]]) -> None:
        self._settings = settings

    async def move(self, switch: Switch, wanted: Any, key: str, seconds: float) -> Change[Any]:
        """Set it, as `Switchboard` promises."""
        setting, journal = self._setting(switch), journal_at(switch.journal)
        async with journal.alone(switch.called, seconds):
            move = _remembered(journal, key)
            if move is not None and move.done:
                return move.change()
            now = await setting.read()
            if move is None or not (same_json(now, move.previous) or same_json(now, move.current)):
                move = _Move(previous=now, current=wanted)
                if same_json(now, wanted):
                    await setting.confirm(wanted)
                    return _remember(journal, key, move.model_copy(update={"done": True}))
            return await self._carry_out(switch, setting, key, move)

    async def undo(self, switch: Switch, wanted: Any, key: str, performed: Change[Any] | None) -> Change[Any]:
        """Set it back, as `Switchboard` promises."""
        setting, journal = self._setting(switch), journal_at(switch.journal)
        undo_key = f"{key}/undo"
        async with journal.alone(switch.called, _ASK_SECONDS):
            begun = _remembered(journal, undo_key)
            if begun is not None and begun.done:
                return begun.change()
            now = await setting.read()
            before = _remembered(journal, key)
            change = before.change() if before is not None else performed
            move = begun or _way_back(switch, now, wanted, change)
            if same_json(move.previous, move.current):
                return _remember(journal, undo_key, move.model_copy(update={"done": True}))
            return await self._carry_out(switch, setting, undo_key, move, change)

    async def moved(self, switch: Switch, key: str) -> Change[Any] | None:
        """What a key has changed, as `Switchboard` promises."""
        journal = journal_at(switch.journal)
        async with journal.alone(switch.called, _ASK_SECONDS):
            move = _remembered(journal, key)
        return move.change() if move is not None and move.done else None

    async def _carry_out(
        self, switch: Switch, setting: Setting, key: str, move: _Move, undone: Change[Any] | None = None
    ) -> Change[Any]:
        """Needs the journal's lock."""
        journal = journal_at(switch.journal)
        journal.put(key, move.model_dump())
        written = await setting.write(move.current, undone)
        now = await setting.read()
        if not same_json(now, move.current):
            raise Transient(f"{switch.called} was set to {move.current!r} and still says {now!r}")
        await setting.confirm(move.current)
        done = {"done": True, "note": written.note, "mark": written.mark}
        return _remember(journal, key, move.model_copy(update=done))

    def _setting(self, switch: Switch) -> Setting:
        return self._settings[type(switch.place)](switch.place)


def journal_at(path: str) -> Journal:
    """The journal in that file, whose folder may have to be made."""
    file = Path(path)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Journal(file)


def _way_back(switch: Switch, now: Any, wanted: Any, change: Change[Any] | None) -> _Move:
    """From what it is now to what it was; to where it is when the change never happened."""
    if change is None:
        if same_json(now, wanted):
            raise NeedsHuman(
                f"{switch.called} is {now!r} and nobody here knows what it was before; look at it and decide"
            )
        return _Move(previous=now, current=now)
    if same_json(now, change.previous):
        return _Move(previous=now, current=now)
    if not same_json(now, change.current):
        raise NeedsHuman(
            f"{switch.called} was moved on to {now!r} since it was set to {change.current!r}; "
            f"decide whether {change.previous!r} is to come back"
        )
    return _Move(previous=now, current=change.previous)


def _remembered(journal: Journal, key: str) -> _Move | None:
    entry = journal.entry(key)
    return None if entry is None else _Move.model_validate(entry)


def _remember(journal: Journal, key: str, move: _Move) -> Change[Any]:
    journal.put(key, move.model_dump())
    return move.change()
