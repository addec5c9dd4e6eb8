"""One Keycloak for all its tests, and a record of what was tested with which server."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.issuers import table
from tests.issuers.examples import WWW, Examples, examples
from tests.issuers.keycloak.server import Keycloak


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    """A Keycloak with the realms main and second."""
    server = Keycloak(tmp_path_factory.mktemp("keycloak"))
    try:
        for realm in ("main", "second"):
            server.import_realm(realm)
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def place(
    keycloak: Keycloak, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Examples]:
    """Both examples, by the Keycloak page: other clients' origins are in their tokens.

    Keys are rotated within seconds here, so unknown key ids cost no pause.
    """
    with examples(
        tmp_path_factory.mktemp("examples"),
        keycloak.issuer(),
        both={
            "JWTGUARD_PROFILE": "keycloak",
            "JWTGUARD_ORIGINS_CLAIM": "allowed-origins",
            "JWTGUARD_KEYS_COOLDOWN": "0",
        },
        api={
            "JWTGUARD_CLIENTS": f"spa={WWW} www",
            "JWTGUARD_REFRESH_CLIENTS": "spa",
        },
    ) as found:
        yield found


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test of the table comes last: it looks at what the others came to."""
    items.sort(key=lambda item: item.path == table.TEST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note the outcome of each test that belongs to a server."""
    report = yield
    table.note(item, report)
    return report
