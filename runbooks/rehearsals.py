"""Finds a runbook and the scenarios that belong to it. Used by `hotwash runbook rehearse` and the library's test.

The scenarios of `NAME.yaml` are in `scenarios/NAME.yaml` beside it, unless a file is named.
"""

from collections.abc import Mapping
from pathlib import Path

from domain.errors import Rejected, RejectionKind
from domain.run import ActionSpec
from runbooks.catalog import LIBRARY, Catalog
from runbooks.folders import read_text
from runbooks.scenario import Rehearsal, read_scenarios


def load_rehearsal(what: str, scenario_file: Path | None, specs: Mapping[str, ActionSpec]) -> Rehearsal:
    """A runbook (a file, or a name in the library) and its scenarios; Rejected, with places, when either is not fit.

    Runbooks that it names are looked for beside it and then in the library.
    """
    file = Path(what)
    is_file = file.suffix in {".yaml", ".yml"} or file.is_file()
    if is_file and not file.is_file():
        raise Rejected(f"there is no file {what}", RejectionKind.NOT_FOUND)
    folder, name = (file.parent, file.stem) if is_file else (LIBRARY, what)
    pinned = Catalog([folder], specs).pin(name)
    found = scenario_file or folder / "scenarios" / f"{name}.yaml"
    if not found.is_file():
        where = "there is no file" if scenario_file else "it has no scenarios: write them into"
        raise Rejected(f"{name}: {where} {found}", RejectionKind.NOT_FOUND)
    return read_scenarios(read_text(found), str(found), pinned, specs)


def library_names() -> list[str]:
    """Every runbook of the library."""
    return sorted(file.stem for file in LIBRARY.glob("*.yaml"))
