"""`certificate.expire`: a server that shows a certificate whose time is over, as when nobody renewed it.

The expired one is made by openssl from the server's own certificate and key, so no key is copied anywhere. The one
thing to know: the original stands beside it under another name until it is put back by a rename.
"""

import asyncio
import hashlib
from typing import ClassVar, Protocol

from typing_extensions import override

from activities.action import Call, Finding
from activities.actions.machine import Machine, cannot_run
from activities.actions.ports import Program, ProgramRunner
from activities.actions.switches import named
from activities.fault import FaultAction, FaultParameters, Injected, Plan
from activities.leases import Leases, Remove, Restore, Run
from activities.ports import ConfigurationSource
from domain.errors import Rejected, RejectionKind, Transient
from domain.fault_targets import ServedCertificate

_PROGRAM_SECONDS = 20.0
# A reload starts new processes before the old ones stop taking connections.
_SEEN_WITHIN_SECONDS = 5.0
_POLL_SECONDS = 0.1


class Certificates(Protocol):
    """Certificate files, and what servers show."""

    async def served(self, target: ServedCertificate) -> str | None:
        """The fingerprint of the certificate that the server shows; None when it cannot be asked."""

    def fingerprint(self, file: str) -> str | None:
        """That of the first certificate in a file; None when there is no such file."""

    def back_up(self, file: str, backup: str) -> None:
        """Copy a file with its mode and owner, whole or not at all; a copy that is there stays."""

    def replace(self, file: str, by: str) -> None:
        """Put one file in the place of another in one step, with the mode and owner of the one that was there."""


class CertificateExpireParameters(FaultParameters):
    """Which server."""

    # A name of `actions.certificates`.
    certificate: str


class ExpiredCertificate(Injected):
    """What stands where."""

    file: str = ""
    backup: str = ""
    expired: str = ""
    # The fingerprint of the original.
    original: str = ""


class CertificateExpire(FaultAction[CertificateExpireParameters, ExpiredCertificate]):
    """Lets a server show an expired certificate; in a drill only."""

    name = "certificate.expire"
    summary = "Let a server of actions.certificates show an expired certificate (openssl), in a drill only."
    parameters_model = CertificateExpireParameters
    result_model = ExpiredCertificate
    example: ClassVar = {"certificate": "shop", "duration": "2m"}

    def __init__(
        self,
        configuration: ConfigurationSource,
        leases: Leases,
        machine: Machine,
        programs: ProgramRunner,
        certificates: Certificates,
    ) -> None:
        super().__init__(configuration, leases)
        self._machine = machine
        self._programs = programs
        self._certificates = certificates

    @override
    async def capability(self, parameters: CertificateExpireParameters, call: Call) -> Finding:
        target = self._target(parameters)
        problem = cannot_run(self._machine, target.reload[0], f"actions.certificates.{parameters.certificate}.reload")
        if problem is not None:
            return Finding(holds=False, detail=problem)
        if self._machine.program("openssl") is None:
            return Finding(holds=False, detail="openssl is not installed on this machine: apt-get install openssl")
        shown, there = await self._certificates.served(target), self._certificates.fingerprint(target.certificate_file)
        where = f"{target.host}:{target.port}"
        if there is None or shown != there:
            detail = (
                f"{where} does not show the certificate of {target.certificate_file}; mend actions.certificates."
                f"{parameters.certificate} in hotwash.yaml"
            )
            return Finding(holds=False, detail=detail)
        return Finding(holds=True, detail=f"{where} shows the certificate of {target.certificate_file}")

    @override
    async def plan(self, parameters: CertificateExpireParameters, call: Call) -> Plan[ExpiredCertificate]:
        target = self._target(parameters)
        mark = hashlib.sha256(call.performed_key.encode()).hexdigest()[:16]
        file = target.certificate_file
        result = ExpiredCertificate(
            what=f"{target.host}:{target.port} shows an expired certificate",
            file=file,
            backup=f"{file}.hotwash-{mark}.original",
            expired=f"{file}.hotwash-{mark}.expired",
            original=self._certificates.fingerprint(file) or "",
        )
        recipe = (Restore(path=file, backup=result.backup), Remove(path=result.expired), Run(argv=target.reload))
        return Plan(result, recipe)

    @override
    async def inject(self, parameters: CertificateExpireParameters, result: ExpiredCertificate, call: Call) -> None:
        target = self._target(parameters)
        self._certificates.back_up(result.file, result.backup)
        if self._certificates.fingerprint(result.file) == result.original:
            await self._expire(target, result)
            self._certificates.replace(result.file, result.expired)
        await self._run(*target.reload)

    @override
    async def observe(self, parameters: CertificateExpireParameters, result: ExpiredCertificate, call: Call) -> Finding:
        target = self._target(parameters)
        wanted = self._certificates.fingerprint(result.file)
        if wanted == result.original:
            return Finding(holds=False, detail=f"{result.file} is the original")
        checked = await self._programs.run(
            Program(("openssl", "x509", "-in", result.file, "-noout", "-checkend", "0"), None, _PROGRAM_SECONDS)
        )
        if checked.exit_code == 0:
            return Finding(holds=False, detail=f"{result.file} has not expired")
        return await self._shows(target, wanted, "the expired certificate")

    @override
    async def residue(self, parameters: CertificateExpireParameters, result: ExpiredCertificate, call: Call) -> Finding:
        if self._certificates.fingerprint(result.backup) is not None:
            return Finding(holds=False, detail=f"{result.backup} is still there")
        if self._certificates.fingerprint(result.file) != result.original:
            return Finding(holds=False, detail=f"{result.file} is not the original")
        return await self._shows(self._target(parameters), result.original, "the original certificate")

    async def _shows(self, target: ServedCertificate, wanted: str | None, what: str) -> Finding:
        where, shown = f"{target.host}:{target.port}", None
        for _ in range(round(_SEEN_WITHIN_SECONDS / _POLL_SECONDS)):
            shown = await self._certificates.served(target)
            if shown == wanted:
                return Finding(holds=True, detail=f"{where} shows {what}")
            await asyncio.sleep(_POLL_SECONDS)
        if shown is None:
            return Finding(holds=None, detail=f"{where} cannot be asked what it shows")
        return Finding(holds=False, detail=f"{where} does not show {what}")

    async def _expire(self, target: ServedCertificate, result: ExpiredCertificate) -> None:
        """The same certificate, signed anew by its own key, with an end in the past."""
        made = ("openssl", "x509", "-in", result.file, "-signkey", target.key_file, "-out", result.expired)
        # OpenSSL up to 3.3 takes negative days, later ones want both dates.
        dates = ("-not_before", "20200101000000Z", "-not_after", "20200201000000Z")
        ended = await self._programs.run(Program((*made, "-days", "-1"), None, _PROGRAM_SECONDS))
        if ended.exit_code != 0:
            await self._run(*made, *dates)

    async def _run(self, *argv: str) -> None:
        ended = await self._programs.run(Program(argv, None, _PROGRAM_SECONDS))
        if ended.exit_code is None:
            raise Transient(f"{argv[0]} did not end")
        if ended.exit_code != 0:
            words = ended.stderr.strip()[-300:]
            raise Rejected(f"{argv[0]} ended with {ended.exit_code}: {words}", RejectionKind.CONFLICT)

    def _target(self, parameters: CertificateExpireParameters) -> ServedCertificate:
        certificates = self.configuration.current().actions.certificates
        return named(certificates, parameters.certificate, "certificates", "certificate")
