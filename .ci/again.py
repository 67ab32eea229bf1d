"""Ask the tests that failed in pytest's last run once more, alone and in new processes (decision 27).

More than three are no coincidence and are not asked. Exit code 0 only when each passes now; a line for each of them is
then added to the file named as the argument.
"""

import json
import subprocess
import sys
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
MOST = 3

failed = sorted(json.loads(FAILED.read_text())) if FAILED.exists() else []
if not failed:
    sys.exit("No single test failed: there is nothing to ask again.")
if len(failed) > MOST:
    sys.exit(f"{len(failed)} tests failed, more than {MOST}: they are not asked again.")
print(f"Asked once more, alone: {', '.join(failed)}", flush=True)
again = subprocess.run([sys.executable, "-m", "pytest", "-q", *failed], check=False).returncode
if again == 0:
    with Path(sys.argv[1]).open("a") as told:
        told.writelines(f"SHAKY: failed among the others, passed alone: {name}\n" for name in failed)
sys.exit(again)
