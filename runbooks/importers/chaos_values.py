"""The configuration and secrets of a Chaos Toolkit experiment as parameters. Used by both importers of experiments.

The one thing to know: a value becomes a parameter only when something that was carried over needs it; every other one
is reported by `done`.
"""

import re
from collections.abc import Mapping
from typing import Any

from runbooks.importers.reading import Loss, Reading, may_be_secret
from runbooks.importers.writing import Names, identifier, woven

_REFERENCE = re.compile(r"\$\{\s*([^${}]+?)\s*\}")


class Values:
    """What `${name}` may stand for in one experiment."""

    def __init__(self, document: Reading) -> None:
        self._names = Names()
        # What may be used, by its foreign name, and what was.
        self._known: dict[str, dict[str, Any]] = {}
        self._used: dict[str, dict[str, Any]] = {}
        # What is to be said of a value when something turns out to need it.
        self._if_used: dict[str, tuple[Loss, str]] = {}
        self._configuration = self._read_configuration(document)
        self._secrets = self._read_secrets(document)

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """The parameters that are needed so far, as the language writes them."""
        return self._used

    def add(self, name: str, parameter: dict[str, Any], reading: Reading) -> str:
        """A parameter that the experiment did not have, as an expression."""
        self._known[name] = parameter
        return str(self.weave(f"${{{name}}}", reading))

    def weave(self, value: Any, reading: Reading) -> Any:
        """The value with every reference in it as an expression over parameters."""
        if isinstance(value, str):
            return woven(value, _REFERENCE, lambda name: self._resolve(name, reading))
        if isinstance(value, Mapping):
            return {key: self.weave(item, reading) for key, item in value.items()}
        if isinstance(value, list):
            return [self.weave(item, reading) for item in value]
        return value

    def done(self) -> None:
        """Report what nothing needs, and what is to be said of that which is needed."""
        for group in (self._configuration, self._secrets):
            for name in group.keys() if group else ():
                inside = [name] if name in self._known else _names_in(group, name)
                if group and inside and not any(self._names.of(each) for each in inside):
                    group.lose(name, "nothing that was carried over needs it")
                elif group and name in self._if_used:
                    loss, why = self._if_used[name]
                    group.lose(name, why, loss)

    def _read_configuration(self, document: Reading) -> Reading | None:
        configuration = document.inner("configuration")
        for name in configuration.keys() if configuration else ():
            value = configuration.take(name) if configuration else None
            if isinstance(value, Mapping):
                self._dynamic(name, value)
            elif may_be_secret(name) and configuration:
                configuration.lose(name, "it may be a secret; give a reference such as env:NAME", Loss.SECRET)
                self._known[name] = {"type": "secret"}
            else:
                self._known[name] = _constant(value)
        return configuration

    def _dynamic(self, name: str, value: Mapping[str, Any]) -> None:
        if value.get("type") == "env":
            default = value.get("default")
            is_secret = may_be_secret(name)
            self._known[name] = {"type": "secret"} if is_secret else _constant(default)
            self._known[name]["description"] = f"Was the environment variable {value.get('key')}"
            self._known[name].pop("default" if default is None else "", None)
            self._if_used[name] = (
                Loss.CHANGED,
                f"the environment is not read; give it as the parameter {identifier(name)!r} when the run starts",
            )
        else:
            self._known[name] = {}
            self._if_used[name] = (Loss.INCOMPLETE, "its value was found out when it ran; give it as a parameter")

    def _read_secrets(self, document: Reading) -> Reading | None:
        secrets = document.inner("secrets")
        for target in secrets.keys() if secrets else ():
            inner = secrets.inner(target) if secrets else None
            for name in inner.keys() if inner else ():
                value = inner.take(name) if inner else None
                self._known[name] = {"type": "secret"}
                is_environment = isinstance(value, Mapping) and value.get("type") == "env"
                if is_environment and isinstance(value, Mapping) and value.get("key"):
                    self._known[name]["default"] = f"env:{value['key']}"
                elif inner:
                    why = "give a reference such as env:NAME or file:PATH when the run starts"
                    inner.lose(name, why, Loss.SECRET)
        return secrets

    def _resolve(self, name: str, reading: Reading) -> str | None:
        if name not in self._known:
            reading.say(Loss.LEFT_OUT, f"'${{{name}}}' is not configured in the experiment and stays text")
            return None
        given = self._names.of(name) or self._names.give(name, "parameter")
        self._used[given] = self._known[name]
        return f"params.{given}"


def _names_in(group: Reading | None, name: str) -> list[str]:
    value = group.take(name) if group else None
    return list(value) if isinstance(value, Mapping) else []


def _constant(value: Any) -> dict[str, Any]:
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number", list: "list"}
    if type(value) in kinds:
        return {"type": kinds[type(value)], "default": value}
    return {"default": value} if isinstance(value, str) else {}
