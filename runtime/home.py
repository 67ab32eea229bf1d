"""The home folder: what is where, and what is made on the first start. Used by every process of Hotwash.

Files are made atomically and never overwritten, so that two processes may start at once and a person's edits stay.
"""

import os
import secrets
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from domain.errors import Rejected

# 32 random bytes in URL-safe letters: 43 characters.
_TOKEN_BYTES = 32
_PRIVATE = 0o600
_SHARED = 0o644


class Home:
    """Paths of one home folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configuration = folder / "hotwash.yaml"
        self.admin_token_file = folder / "admin-token"
        self.secret_key_file = folder / "secret-key"
        self.secrets = folder / "secrets"
        self.runbooks = folder / "runbooks"
        self.game_days = folder / "game_days"
        self.templates = folder / "templates"
        # Ids of login links that were used and sessions that were ended.
        self.spent = folder / "spent"
        self.engine_file = folder / "engine.db"
        self.store_file = folder / "store.db"
        self.logs = folder / "logs"
        self.engine_log = self.logs / "engine.log"
        self.lock = folder / "lock"
        # What `hotwash up` says of itself while it runs: pid, ports, children; and its URL alone, for the command line.
        self.status = folder / "up.json"
        self.url = folder / "url"

    def prepare(self) -> bool:
        """Make what is missing; returns whether this was the first start. Rejected when the folder cannot be written.

        Safe to call again and from several processes at once.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.secrets, self.spent):
                folder.mkdir(mode=0o700, exist_ok=True)
            for folder in (self.runbooks, self.game_days, self.templates, self.logs):
                folder.mkdir(exist_ok=True)
            _write_once(self.secret_key_file, _PRIVATE, _new_secret)
            _write_once(self.secrets / "alertmanager", _PRIVATE, _new_secret)
            _write_once(self.admin_token_file, _PRIVATE, _new_secret)
            return _write_once(self.configuration, _SHARED, _first_configuration)
        except OSError as error:
            message = f"the home folder {self.folder} cannot be used ({error.strerror}); name another with --home"
            raise Rejected(message) from error

    def admin_token(self) -> str:
        """The admin's bearer token; Rejected, naming the file, when it is gone."""
        return _read_secret(self.admin_token_file)

    def secret_key(self) -> str:
        """The key that signs tokens and sessions; Rejected, naming the file, when it is gone."""
        return _read_secret(self.secret_key_file)

    @property
    def store_url(self) -> str:
        """The store that is used when no other is named."""
        return f"sqlite:///{self.store_file}"


def _new_secret() -> str:
    # Digits and letters only: one in 64 URL-safe texts begins with a dash, and `--token -x…` is no token.
    return secrets.token_hex(_TOKEN_BYTES) + "\n"


def _first_configuration() -> str:
    return files("runtime").joinpath("first_hotwash.yaml").read_text()


def _write_once(path: Path, mode: int, text: Callable[[], str]) -> bool:
    """Write a file that is not there yet, whole or not at all; whether this call did it."""
    if path.exists():
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text())
        # A link, unlike a rename, refuses to replace what another process made meanwhile.
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _read_secret(path: Path) -> str:
    try:
        text = path.read_text().strip()
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}); 'hotwash up' makes it on the first start"
        raise Rejected(message) from error
    if not text:
        message = f"{path} is empty; delete it and start again to get a new one"
        raise Rejected(message)
    return text
