"""What ``jwtguard explain`` is asked about: a proof, a certificate."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from .explain_certificate import read_certificate
from .explain_proof import proof_in


class UsageError(Exception):
    """The command cannot be understood; the text says what to write."""


def proof_of(arguments: argparse.Namespace, request: Mapping[str, str]) -> str | None:
    """Return the proof to explain, if there is one, and what it has to be about."""
    if arguments.proof is None and arguments.url is None:
        return None
    if arguments.app or arguments.cookie:
        raise UsageError("--proof and --url cannot be combined with --app or --cookie")
    if arguments.proof is None:
        raise UsageError("--url needs --proof")
    if arguments.url is not None and "path" in request:
        raise UsageError("give a path or --url, but not both")
    if arguments.url is None and "path" not in request:
        raise UsageError("--proof needs a request, like GET /notes, or --url")
    return proof_in(arguments.proof)


def certificate_of(path: str | None) -> bytes | None:
    """Return the certificate in the file at *path*, if there is one."""
    try:
        return None if path is None else read_certificate(path)
    except ValueError as error:
        raise UsageError(f"--cert: {error}") from None
