"""What pulling the safety lever does. Called by `workflows/safety_lever.py`; pure."""

from dataclasses import dataclass
from datetime import datetime

from domain.errors import Rejected, RejectionKind
from domain.follow_up import demand_text
from domain.safety_lever import EngageLever, LeverChange, LeverCommand, LeverState
from domain.timeline import Actor

# How much of a lever's past it keeps; the rest is in the engine's history.
_KEPT = 50


@dataclass(frozen=True)
class LeverOutcome:
    """The new state, and whether game days have to be told."""

    state: LeverState
    has_to_tell: bool = False


def decide_lever(state: LeverState, command: LeverCommand, now: datetime) -> LeverOutcome:
    """Pull it; Rejected without an author or a reason, and when a lever that is not engaged is released."""
    if not command.by.name.strip():
        raise Rejected("say who pulls the safety lever")
    if isinstance(command, EngageLever):
        reason = demand_text(command.reason, "the reason to engage the safety lever")
        changed = _changed(state, command.by, reason, now, engaged=True)
        # Told again when it is pulled again: somebody may have seen a game day go on.
        return LeverOutcome(changed if not state.engaged else state, has_to_tell=True)
    reason = demand_text(command.reason, "the reason to release the safety lever")
    if not state.engaged:
        raise Rejected(f"the safety lever ({state.scope}) is not engaged", RejectionKind.CONFLICT)
    return LeverOutcome(_changed(state, command.by, reason, now, engaged=False))


def told(state: LeverState, game_days: tuple[str, ...]) -> LeverState:
    """These game days have been told to stop."""
    return state.model_copy(update={"stopped": tuple(dict.fromkeys((*state.stopped, *game_days)))})


def sentence(state: LeverState) -> str:
    """Why nothing begins."""
    who = state.by.name if state.by else "somebody"
    since = f" since {state.changed_at:%Y-%m-%d %H:%M} UTC" if state.changed_at else ""
    return f"the safety lever ({state.scope}) is engaged by {who}{since}: {state.reason}"


def _changed(state: LeverState, by: Actor, reason: str, now: datetime, *, engaged: bool) -> LeverState:
    pull = LeverChange(at=now, engaged=engaged, by=by, reason=reason)
    return state.model_copy(
        update={
            "engaged": engaged, "reason": reason, "by": by, "changed_at": now,
            "stopped": () if engaged else state.stopped, "changes": (*state.changes, pull)[-_KEPT:],
        }
    )  # fmt: skip
