"""The home folder: keys are made once, with mode 0600, and nothing that is there is ever overwritten."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.errors import Rejected
from runtime.home import Home


def test_the_first_start_makes_everything_and_the_second_nothing(tmp_path: Path) -> None:
    """Tokens, keys and a person's edits survive a restart."""
    home = Home(tmp_path / "deep" / "home")
    assert home.prepare()
    token, key = home.admin_token(), home.secret_key()
    home.configuration.write_text("organization: Mine\n")
    assert not home.prepare()
    assert (home.admin_token(), home.secret_key()) == (token, key)
    assert home.configuration.read_text() == "organization: Mine\n"


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    """Mode 0600 for each file that holds one, 0700 for the folders they are in."""
    home = Home(tmp_path / "home")
    home.prepare()
    for file in (home.admin_token_file, home.secret_key_file, home.secrets / "alertmanager"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for folder in (home.folder, home.secrets):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_token_is_never_taken_for_an_option(tmp_path: Path) -> None:
    """As `--token -x…` would be: letters and digits only, in each of a hundred homes."""
    for number in range(100):
        home = Home(tmp_path / str(number))
        home.prepare()
        assert home.admin_token().isalnum()


def test_processes_that_start_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    """Exactly one of them sees a first start; nobody signs with a key that was replaced a moment later."""
    homes = [Home(tmp_path / "home") for _ in range(8)]

    def start(home: Home) -> tuple[bool, str]:
        return home.prepare(), home.secret_key()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(start, homes))
    assert sum(first for first, _ in answers) == 1
    assert len({key for _, key in answers}) == 1


def test_a_home_that_cannot_be_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """A file where the folder should be; a token file that somebody emptied."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Rejected, match="--home"):
        Home(tmp_path / "file" / "home").prepare()
    home = Home(tmp_path / "home")
    home.prepare()
    home.admin_token_file.write_text("\n")
    with pytest.raises(Rejected, match="is empty"):
        home.admin_token()
