"""Queues, timeouts and retries, each with its reason; workflows use these and set none of their own."""

from datetime import timedelta

from temporalio.common import RetryPolicy

# Workflows and bookkeeping. Needs no credentials to the world.
CONTROL_QUEUE = "control"
# Steps of runbooks; `steps-<site>` where credentials and network reach stay at a site.
STEPS_QUEUE = "steps"


def steps_queue(site: str | None) -> str:
    """The queue of an execution site."""
    return f"{STEPS_QUEUE}-{site}" if site else STEPS_QUEUE


def machine_queue(machine: str, site: str | None) -> str:
    """The queue that only the workers of one machine and site serve; leases are files there. No site holds an `@`."""
    return f"{steps_queue(site)}@{machine}"


# Bookkeeping never gives up: the record catches up when the store is back. 30 s is how stale it may be after that.
KEEP_TRYING = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), backoff_coefficient=2, maximum_interval=timedelta(seconds=30)
)
# Gives up after some four minutes of failures (time in which no worker is up does not count): then a person is told.
TRY_A_WHILE = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=30),
    maximum_attempts=14,
)
# One attempt: the workflow itself decides about another, because a second one may do harm.
ONCE = RetryPolicy(maximum_attempts=1)
# A bookkeeping call that takes longer than this is stuck; SQLite's busy timeout is 5 s.
BOOKKEEPING_TIMEOUT = timedelta(seconds=15)
# One round over all channels of a message; a mail server may greylist for tens of seconds.
MESSAGE_TIMEOUT = timedelta(seconds=60)
# A worker that says nothing for this long has died: three missed heartbeats.
HEARTBEAT_TIMEOUT = timedelta(seconds=10)
# The same for a save, which takes milliseconds: the record of what a dead worker was saving must not lag for long.
# Longer than SQLite's busy timeout is not needed, because a save that waits for its turn sends heartbeats.
SAVE_HEARTBEAT_TIMEOUT = timedelta(seconds=5)
# A question with a safe answer of its own (is this a drill? no): an incident does not wait longer than this for it.
ASK_BRIEFLY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=3)
QUESTION_TIMEOUT = timedelta(seconds=5)
# A scheduled game day that was missed by more than this, because the engine was down, is not made up for.
CATCH_UP_WINDOW = timedelta(minutes=1)
