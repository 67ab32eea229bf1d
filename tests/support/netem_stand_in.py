"""`tc` on a kernel without netem: the real tc, to which netem is a plain queue, and which is told to be netem.

Everything but the delay is the kernel's own then: root, class, filter, counters, handles, refusals, removal. What netem
would be told is read as strictly as the real tc reads it. `install` puts it where a test's worker finds it.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

_TC = "/usr/sbin/tc"
_TIME = r"\d+(\.\d+)?(us|ms|s)"
_SHARE = r"\d+(\.\d+)?%"
_NETEM = re.compile(rf"limit \d+( delay {_TIME}( {_TIME})?)?( loss {_SHARE})?")


def has_netem() -> bool:
    """Whether this kernel has the real one."""
    probe = ("unshare", "--net", _TC, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def install(folder: Path) -> None:
    """As `tc` into a folder."""
    folder.mkdir(exist_ok=True)
    program = folder / "tc"
    program.write_text(f"#!{sys.executable} -IS\n" + Path(__file__).read_text())
    program.chmod(0o755)


def main(arguments: list[str]) -> None:
    """One call of tc."""
    if "netem" in arguments:
        at = arguments.index("netem")
        words = " ".join(arguments[at + 1 :])
        # The probe gives no limit.
        if not _NETEM.fullmatch(words if words.startswith("limit") else f"limit 1000 {words}"):
            sys.exit(f'What is "{words}"?')
        arguments = [*arguments[:at], "pfifo", "limit", "10000"]
    if "show" not in arguments:
        os.execv(_TC, [_TC, *arguments])
    ended = subprocess.run([_TC, *arguments], capture_output=True, text=True, check=False)
    sys.stderr.write(ended.stderr)
    if ended.stdout:
        shown = json.loads(ended.stdout)
        for one in shown:
            if one.get("kind") == "pfifo" and "parent" in one:
                one["kind"] = "netem"
        sys.stdout.write(json.dumps(shown))
    sys.exit(ended.returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
