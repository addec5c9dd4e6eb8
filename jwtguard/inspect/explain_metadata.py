"""The metadata of the resource that a path belongs to, for ``jwtguard explain``."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..core.extract.paths import OPEN, Kind
from ..core.model.decision import Respond
from ..core.model.request import Request
from ..core.respond.metadata import Metadata, document_of
from ..guard import Guard
from .shown import Check


def metadata_checks(guard: Guard, request: Request, kind: Kind) -> Iterator[Check]:
    """Say what is answered on a metadata path, or which metadata a refusal names."""
    metadata = Metadata(guard.policy)
    if kind is Kind.METADATA:
        answer = metadata.answer(request._replace(method="GET"))
        found = "left to the application"
        if isinstance(answer, Respond):
            found = f"answered by the guard: {_line(json.loads(answer.body))}"
    elif metadata and kind not in OPEN:
        resource = metadata.resource_of(request.path)
        said = _line(document_of(guard.policy, resource))
        found = f"refusals name {resource.metadata_url}: {said}"
    else:
        return
    yield Check(name="metadata", passed=True, found=found)


def _line(document: dict[str, object]) -> str:
    """Return a document in one line, as JSON."""
    return json.dumps(document)
