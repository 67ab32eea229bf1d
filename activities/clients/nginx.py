"""An nginx upstream's file: written whole, tested, loaded. Called through `Switches`."""

from pathlib import Path

from typing_extensions import override

from activities.actions.ports import Program, ProgramRunner
from activities.actions.switches import Change, NginxPlace
from activities.clients.journal import sync_folder, write_durably
from activities.clients.switchboard import Setting, Written
from domain.errors import Rejected, RejectionKind, Transient

# A configuration with names to resolve may take seconds to test; a step's own timeout may say less.
_NGINX_SECONDS = 30.0
_SHOWN_OF_AN_ERROR = 500
# More than any upstream needs, and less than what an output may hold twice.
_MOST_BYTES = 16 * 1024


class NginxSetting(Setting):
    """What the include file says."""

    def __init__(self, place: NginxPlace, programs: ProgramRunner) -> None:
        self._upstream = place.upstream
        self._seconds = min(_NGINX_SECONDS, place.seconds or _NGINX_SECONDS)
        self._programs = programs
        self._file = Path(place.upstream.include_file)

    @override
    async def read(self) -> str | None:
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Rejected(f"{self._file} cannot be read: {error.strerror}") from None
        if len(content) > _MOST_BYTES:
            raise Rejected(f"{self._file} is too large for an upstream of its own", RejectionKind.TOO_LARGE)
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise Rejected(f"{self._file} is no UTF-8 text, so it could not be put back") from None

    @override
    async def write(self, value: str | None, undone: Change[str | None] | None) -> Written:
        before = await self.read()
        self._put(value)
        try:
            complaint = await self._run(self._upstream.test)
        except BaseException:
            # Cancelled in the middle: the next reload, whoever asks for it, must not meet what was never tested.
            self._put(before)
            raise
        if complaint is not None:
            self._put(before)
            raise Rejected(f"nginx does not accept the new configuration, the old one stays: {complaint}")
        complaint = await self._run(self._upstream.reload)
        if complaint is not None:
            self._put(before)
            raise Transient(f"nginx cannot be told to reload, the old configuration stays: {complaint}")
        return Written()

    def _put(self, value: str | None) -> None:
        try:
            if value is None:
                self._file.unlink(missing_ok=True)
                sync_folder(self._file.parent)
            else:
                write_durably(self._file, value)
        except OSError as error:
            raise Rejected(f"{self._file} cannot be written: {error.strerror}") from None

    async def _run(self, argv: tuple[str, ...]) -> str | None:
        """Run it; what it complained of when it failed."""
        ended = await self._programs.run(Program(argv, None, self._seconds))
        if ended.exit_code == 0:
            return None
        how = f"exit code {ended.exit_code}" if ended.exit_code is not None else f"not ended in {self._seconds:g} s"
        return f"{(ended.stderr or ended.stdout).strip()[-_SHOWN_OF_AN_ERROR:]} ({how})"
