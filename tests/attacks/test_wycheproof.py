"""Project Wycheproof: every vector marked invalid is refused, every valid one that our
algorithms can verify is accepted.

The files are not part of this project. They are read from ``WYCHEPROOF_DIR``, or from
``shared/data/wycheproof`` beside the repository.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jwtguard.core.model.encoding import decode_segment
from jwtguard.core.model.issuers import ALGORITHMS
from tests.attacks.jws import verifies

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ROOT.parent / "shared" / "data" / "wycheproof"
FOLDER = Path(os.environ.get("WYCHEPROOF_DIR") or BESIDE)
NAMES = ("json_web_signature", "json_web_key", "json_web_crypto")

DISPUTED = {
    ("json_web_signature", number): "its key's own alg differs from the header's"
    for number in (346, 347, 350, 351)
}
"""Vectors of algorithms that we have, marked valid and refused all the same: the
figures of RFC 7520 verify in ``test_rfcs.py``, with the RFC's own keys."""
COUNTED = {"json_web_signature": 401, "json_web_key": 26, "json_web_crypto": 83}


def vectors(name: str) -> Iterator[tuple[int, dict[str, Any], Any, bool]]:
    """Yield number, keys, token and verdict of each vector in the file *name*."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        pytest.skip("no Wycheproof vectors: WYCHEPROOF_DIR names no folder with them")
    document = json.loads(path.read_text(encoding="utf-8"))
    for group in document["testGroups"]:
        keys = group.get("public") or group["private"]
        for test in group["tests"]:
            token = test["jws"] if "jws" in test else test["jwe"]
            yield test["tcId"], keys, token, test["result"] == "valid"


def is_ours(token: Any) -> bool:
    """Whether the header names one of our algorithms."""
    if not isinstance(token, str):
        return False
    try:
        header = json.loads(decode_segment(token.partition(".")[0].encode()))
    except ValueError:
        return False
    return header.get("alg") in ALGORITHMS


@pytest.mark.parametrize("name", NAMES)
def test_no_invalid_vector_is_accepted(name: str) -> None:
    """Forged, malformed, padded, wrong keys: not one gets through."""
    bad = [case for case in vectors(name) if not case[3]]
    accepted = [number for number, keys, token, _ in bad if verifies(keys, token)]
    assert accepted == []
    assert len(bad) > 20


@pytest.mark.parametrize("name", NAMES)
def test_every_valid_vector_of_our_algorithms_is_accepted(name: str) -> None:
    """Being strict must not cost what is right."""
    good = [case for case in vectors(name) if case[3] and is_ours(case[2])]
    refused = {
        (name, number) for number, keys, token, _ in good if not verifies(keys, token)
    }
    assert refused == {key for key in DISPUTED if key[0] == name}


@pytest.mark.parametrize("name", NAMES)
def test_valid_vectors_of_other_algorithms_are_refused(name: str) -> None:
    """HMAC and encryption have no place at a resource server."""
    others = [case for case in vectors(name) if case[3] and not is_ours(case[2])]
    assert not any(verifies(keys, token) for _, keys, token, _ in others)


@pytest.mark.parametrize("name", NAMES)
def test_the_files_are_whole(name: str) -> None:
    """A file cut short would make the promises above cheap."""
    assert len(list(vectors(name))) == COUNTED[name]
