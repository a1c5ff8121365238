"""Places to run an attempt, one file each. An engine runs one attempt when asked; the queue, retries and fencing are ours.

An engine is a module with

    start(folder, attempt, resources) -> handle      starts the attempt, once however often it is asked; Busy: ask again
    find(folder, attempt) -> handle | None           whether it was ever started, after somebody died in between
    states(handles) -> {handle: state}               queued, running, ended, or unknown when it cannot see
    exit_code(handle) -> int | None                  negative for a signal; None: it ended without an exit word
    stop(handle, grace)                              asks it to save and end within `grace` seconds
"""


class Busy(Exception):
    """Another attempt still holds the folder, or the machine is too slow to tell: ask again later."""
