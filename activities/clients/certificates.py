"""Certificate files and what servers show of them; implements `Certificates`."""

import asyncio
import hashlib
import os
import shutil
import ssl
from contextlib import suppress
from pathlib import Path

from domain.errors import Rejected, RejectionKind
from domain.fault_targets import ServedCertificate

_PATIENCE_SECONDS = 3.0
_END = "-----END CERTIFICATE-----"


class TlsCertificates:
    """Implements `Certificates`."""

    async def served(self, target: ServedCertificate) -> str | None:
        """What is shown, as `Certificates` promises."""
        # Nothing is trusted and nothing sent: the question is which certificate it is.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                _, writer = await asyncio.open_connection(
                    target.host, target.port, ssl=context, server_hostname=target.server_name
                )
        except (OSError, TimeoutError):
            return None
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return None if shown is None else hashlib.sha256(shown).hexdigest()

    def fingerprint(self, file: str) -> str | None:
        """Of a file, as `Certificates` promises."""
        try:
            text = Path(file).read_text()
            first = text[text.index("-----BEGIN CERTIFICATE-----") : text.index(_END) + len(_END)]
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise Rejected(f"{file} holds no certificate that can be read ({type(error).__name__})") from None

    def back_up(self, file: str, backup: str) -> None:
        """Copy it, as `Certificates` promises."""
        if not Path(backup).exists():
            _copy(file, f"{backup}.new")
            os.replace(f"{backup}.new", backup)  # noqa: PTH105 - names, not paths

    def replace(self, file: str, by: str) -> None:
        """Replace it, as `Certificates` promises."""
        try:
            found = os.stat(file)  # noqa: PTH116 - the same
            os.chmod(by, found.st_mode)  # noqa: PTH101 - the same
            os.chown(by, found.st_uid, found.st_gid)
            os.replace(by, file)  # noqa: PTH105 - the same
        except OSError as error:
            raise Rejected(f"{file} cannot be replaced: {error.strerror}", RejectionKind.FORBIDDEN) from None


def _copy(source: str, target: str) -> None:
    try:
        shutil.copy2(source, target)
        found = os.stat(source)  # noqa: PTH116 - names, not paths
        os.chown(target, found.st_uid, found.st_gid)
    except OSError as error:
        raise Rejected(f"{source} cannot be copied: {error.strerror}", RejectionKind.FORBIDDEN) from None
