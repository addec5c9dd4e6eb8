"""One peer behind a real server: ``python -m benchmarks.serve NAME FD``.

The socket is the parent's, the site comes in the environment.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from .peers import BASES, PEERS
from .site import Site
from .stages import STAGES

THREADS = 4


def application(name: str, site: Site) -> tuple[str, Any]:
    """Return how the application called *name* is served, and itself."""
    if name in BASES:
        kind, make = BASES[name]
        return kind, make()
    if name in STAGES:
        return "asgi", STAGES[name](site)
    who = next(one for one in PEERS if one.name == name)
    return who.kind, who.make(site)


def main() -> None:
    """Serve until told to stop."""
    name, fd = sys.argv[1], int(sys.argv[2])
    kind, app = application(name, Site(**json.loads(os.environ["BENCH_SITE"])))
    if kind == "asgi":
        _uvicorn(app, fd)
    else:
        _gunicorn(app, fd)


def _uvicorn(app: Any, fd: int) -> None:
    import uvicorn

    uvicorn.run(app, fd=fd, log_level="critical", access_log=False, lifespan="off")


def _gunicorn(app: Any, fd: int) -> None:
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            self.cfg.set("bind", f"fd://{fd}")
            self.cfg.set("worker_class", "gthread")
            self.cfg.set("threads", THREADS)
            self.cfg.set("loglevel", "critical")

        def load(self) -> Any:
            return app

    sys.argv = ["gunicorn"]
    Server().run()


if __name__ == "__main__":
    main()
