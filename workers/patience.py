"""Keeps a slow machine from being taken for a workflow that hangs. Called wherever a worker of workflows is built.

The one thing to know: the SDK fails a workflow task whose code has not given back control for 2 s, and then raises an
exception in its thread wherever that is just then. On a starved machine this hits workflows that are well, and now and
then leaves one that the worker can neither carry on nor let go of before it is started again (decision 25).
"""

from temporalio.worker import Worker

# By then the engine has given the task to a worker again several times (10 s each), and the code does hang.
_HANGS_AFTER_SECONDS = 60.0


def patient(worker: Worker) -> Worker:
    """The same worker; it gives its workflows a minute before it interrupts them.

    The SDK has no option for it yet (temporalio/sdk-python#1050), hence the private names. Where they are called
    otherwise one day, its own 2 s hold again; a test says so.
    """
    of_workflows = getattr(worker, "_workflow_worker", None)
    if of_workflows is not None and hasattr(of_workflows, "_deadlock_timeout_seconds"):
        of_workflows._deadlock_timeout_seconds = _HANGS_AFTER_SECONDS  # noqa: SLF001 - see above
    return worker
