"""Where a URL really leads, and whether that is allowed. Pure; used by `http.request` and `check.http`.

The one thing to know: two parsers may read one odd URL in two ways, so everything odd is refused before it is compared.
"""

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from domain.errors import Rejected

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Printable ASCII without space, quotes, angle brackets, backslash, caret, backquote, braces and bar (RFC 3986).
_PLAIN = re.compile(r"[!#-;=?-\[\]_a-z~]+")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_ODD_PATH = re.compile(r"//|(?:^|/)\.{1,2}(?:/|$)|%2e|%2f|%5c|%00", re.IGNORECASE)


def parse_http_url(url: str) -> SplitResult:
    """Take an http or https URL apart; Rejected with the reason for anything that can be read in two ways."""
    if not _PLAIN.fullmatch(url):
        raise Rejected("a URL is written in plain ASCII without spaces; percent-encode the rest")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Rejected(f"that is no URL: {error}") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise Rejected(f"only http and https URLs are called, not {parts.scheme or 'one without a scheme'!r}")
    if "@" in parts.netloc:
        raise Rejected("a URL must not hold a user or a password; send a header with a secret's reference instead")
    host = parts.netloc.removesuffix(f":{port}") if port is not None else parts.netloc
    if not _HOST.fullmatch(host):
        raise Rejected(f"the URL has no plain host name: {host!r}")
    return parts


def is_allowed(url: str, prefixes: Iterable[str]) -> bool:
    """Whether the URL lies below one of the prefixes: same scheme, host and port, and the path whole by its parts."""
    parts = parse_http_url(url)
    # `/api/../admin` lies below `/api` for a string comparison, and not for the server.
    if _ODD_PATH.search(parts.path):
        return False
    return any(_lies_below(parts, parse_http_url(prefix)) for prefix in prefixes)


def shown(url: str) -> str:
    """The URL without its query, which may hold a token."""
    return url.split("?", 1)[0].split("#", 1)[0]


def _lies_below(parts: SplitResult, prefix: SplitResult) -> bool:
    if _origin(parts) != _origin(prefix):
        return False
    wanted = prefix.path.rstrip("/")
    return parts.path == prefix.path or (parts.path or "/").startswith(f"{wanted}/")


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    port = parts.port if parts.port is not None else _DEFAULT_PORTS[parts.scheme]
    return parts.scheme, (parts.hostname or "").rstrip("."), port
