"""The tutorial's two programs against the running Keycloak, set up by our guide."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docs.follower import CHROMIUM, Reader, section
from tests.issuers.keycloak import dist
from tests.issuers.keycloak.server import Keycloak
from tests.issuers.test_keycloak_guide import SHOWN, blocks
from tests.issuers.test_keycloak_guide import Reader as GuideReader

SERVER = "Keycloak"

missing = dist.missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}"),
]


@pytest.fixture(scope="module")
def reader(
    keycloak: Keycloak, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    """A reader who has done the guide, and the tutorial with Keycloak's variables."""
    guide = GuideReader(keycloak, tmp_path_factory.mktemp("guide"))
    output = guide.types(*blocks("console", "Setup"))
    assert not output.startswith("failed"), output
    with Reader(tmp_path_factory.mktemp("desk")) as reader:
        a_client_for_the_site(keycloak, f"http://localhost:{reader.ports['8001']}")
        own = section(9).replace(SHOWN, keycloak.url)
        exports = [line for line in own.splitlines() if line.startswith("$ export ")]
        assert len(exports) == 3
        reader.later = [line.removeprefix("$ ") for line in exports]
        reader.follow(before(section(3), "A request without a token is refused"))
        reader.follow(before(section(6), "A Starlette site"))
        reader.follow(before(section(7), "Open `http"))
        yield reader
    keycloak.ask("DELETE", "/notes")


def before(text: str, words: str) -> str:
    """Return what stands before *words*; they have to be there."""
    first, found, _ = text.partition(words)
    assert found, words
    return first


def a_client_for_the_site(keycloak: Keycloak, origin: str) -> None:
    """Do the two things that the tutorial names: a web origin, and a second client."""
    path = keycloak.client_path("spa", "notes")
    keycloak.change(path, webOrigins=[origin])
    spa = keycloak.ask("GET", path).json()
    del spa["id"]
    for mapper in spa["protocolMappers"]:
        del mapper["id"]
    keycloak.create("/notes/clients", {**spa, "clientId": "www", "webOrigins": []})


def test_pages_made_on_the_server(reader: Reader) -> None:
    """The tutorial's site signs in, and shows the API's answer."""
    port = reader.ports["8001"]
    page = reader.type(
        f"curl -s -L -c jar -b jar http://localhost:{port}/login "
        f"-H 'Origin: http://localhost:{port}' -d username=alice -d password=wonderland"
    )
    assert "<h1>Notes of " in page
    assert page.endswith("</h1><ul></ul>")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_page_in_the_browser(reader: Reader) -> None:
    """The tutorial's page signs in from its own origin only."""
    assert '{"notes":[]}' in reader.sign_in("localhost")
    assert "refused: " in reader.sign_in("127.0.0.1")
