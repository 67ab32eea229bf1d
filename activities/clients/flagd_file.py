"""A feature flag in the file of definitions that a flagd watches. Called through `Switches`.

The one thing to know: a flag's value is that of its default variant; a new value must be that of another variant, since
a value that the definition does not have would be one that no application was tested with.
"""

import json
import stat
from pathlib import Path
from typing import Any

from typing_extensions import override

from activities.actions.switches import Change, FlagPlace, same_json
from activities.clients.journal import write_durably
from activities.clients.switchboard import Setting, Written
from domain.errors import Rejected, RejectionKind

# flagd reads it whole; thousands of flags fit.
_MOST_BYTES = 4 * 1024 * 1024


class FlagFileSetting(Setting):
    """The default variant of a flag, by its value."""

    def __init__(self, place: FlagPlace) -> None:
        self._flag = place.flag
        self._file = Path(place.provider.file or "")

    @override
    async def read(self) -> Any:
        flag = self._definition(self._document())
        return flag["variants"][flag["defaultVariant"]]

    @override
    async def write(self, value: Any, undone: Change[Any] | None) -> Written:
        # Read again: somebody may have edited another flag since, and that must stay.
        document = self._document()
        flag = self._definition(document)
        flag["defaultVariant"] = self._variant(flag["variants"], value)
        try:
            # flagd may be another user's.
            mode = stat.S_IMODE(self._file.stat().st_mode)
            write_durably(self._file, json.dumps(document, indent=2, ensure_ascii=False) + "\n", mode)
        except OSError as error:
            raise Rejected(f"{self._file} cannot be written: {error.strerror}") from None
        return Written(note="its targeting rules still decide for those they name" if flag.get("targeting") else "")

    def _variant(self, variants: dict[str, Any], value: Any) -> str:
        found = [name for name, each in variants.items() if same_json(each, value)]
        if len(found) == 1:
            return found[0]
        values = ", ".join(f"{name}: {json.dumps(each)[:40]}" for name, each in variants.items())
        how_many = "no variant" if not found else f"{len(found)} variants"
        raise Rejected(f"the flag {self._flag} has {how_many} with the value {json.dumps(value)[:80]}; it has {values}")

    def _definition(self, document: dict[str, Any]) -> dict[str, Any]:
        flag = document["flags"].get(self._flag)
        if not isinstance(flag, dict):
            raise Rejected(f"{self._file} has no flag {self._flag!r}", RejectionKind.NOT_FOUND)
        variants, default = flag.get("variants"), flag.get("defaultVariant")
        if not isinstance(variants, dict) or default not in variants:
            raise Rejected(f"the flag {self._flag} of {self._file} has no variant that is its default")
        if flag.get("state") != "ENABLED":
            raise Rejected(
                f"the flag {self._flag} of {self._file} is {flag.get('state')}: clients take their own default, "
                "whatever is set here; enable it first",
                RejectionKind.CONFLICT,
            )
        return flag

    def _document(self) -> dict[str, Any]:
        try:
            text = self._file.read_bytes()
        except OSError as error:
            raise Rejected(f"{self._file} cannot be read: {error.strerror}") from None
        if len(text) > _MOST_BYTES:
            raise Rejected(f"{self._file} is too large for flag definitions", RejectionKind.TOO_LARGE)
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            raise Rejected(f"{self._file} is not JSON, so one flag in it cannot be changed") from None
        if not isinstance(document, dict) or not isinstance(document.get("flags"), dict):
            raise Rejected(f"{self._file} holds no flag definitions: it has no 'flags'")
        return document
