"""Process settings and the way to the engine: options before variables, and a sentence for whatever is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import Rejected, Transient
from runtime.engine_binary import find_engine_binary, read_engine_version
from runtime.settings import Settings, load_settings
from runtime.temporal import connect, engine_address, names_another_engine


def test_options_come_before_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """HOTWASH_* counts where no option is given; both travel to child processes."""
    monkeypatch.setenv("HOTWASH_PORT", "9001")
    monkeypatch.setenv("HOTWASH_STORE_URL", "postgresql://u:hunter2@h/d")
    settings = load_settings(home=tmp_path, port=None, host="0.0.0.0")
    assert (settings.port, settings.host) == (9001, "0.0.0.0")
    assert "hunter2" not in repr(settings)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "http"), ("PORT", "70000"), ("LOG_FORMAT", "xml"), ("SECRET_KEY", "short")]
)
def test_a_bad_variable_is_named_and_its_value_is_not(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The sentence names the variable; a value may be a secret."""
    monkeypatch.setenv(f"HOTWASH_{name}", value)
    with pytest.raises(Rejected, match=f"HOTWASH_{name}") as caught:
        load_settings()
    assert value not in caught.value.sentence


def test_a_bad_option_is_named() -> None:
    """As it was typed."""
    with pytest.raises(Rejected, match="--temporal-port"):
        load_settings(temporal_port=0)


async def test_an_engine_that_is_away_is_transient_and_names_its_address(
    free_port: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded one by its port; another by TEMPORAL_ADDRESS, which comes first."""
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    settings = Settings(home=tmp_path, temporal_port=free_port())
    assert not names_another_engine()
    with pytest.raises(Transient, match=f"127.0.0.1:{settings.temporal_port} does not answer"):
        await connect(settings)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    assert names_another_engine()
    assert engine_address(settings) == "127.0.0.1:1"


async def test_a_lazy_client_does_not_need_the_engine_yet(free_port: Callable[[], int], tmp_path: Path) -> None:
    """The API comes up while the engine is away."""
    assert await connect(Settings(home=tmp_path, temporal_port=free_port()), lazy=True)


def test_the_engine_program_is_found_and_says_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside Python when PATH has none; PATH comes first."""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "Server" in read_engine_version(find_engine_binary())
