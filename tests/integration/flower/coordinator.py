"""A coordinator as a process of its own, to be interrupted: coordinator.py HOME PLAN."""

import sys
import time
from pathlib import Path

from server.bundle import build_bundle
from server.link import Link, LinkSettings
from tests.integration.flower.keys import write_node_key

ECHO_APP = Path(__file__).parent / "echo_app"


def main() -> None:
    """Start a run that waits for a node that never comes; say so; wait to be ended."""
    home, plan = Path(sys.argv[1]), Path(sys.argv[2])
    settings = LinkSettings(
        home=home / "link",
        server_cert=home.parent / "server.pem",
        server_key=home.parent / "server.key",
        nodes={"north": write_node_key(home / "north")},
    )
    with Link(settings) as link:
        link.start_run("waiting", config=plan, bundle=build_bundle(ECHO_APP, packages=("echo",)))
        (home / "started").touch()
        while True:
            time.sleep(0.1)


if __name__ == "__main__":
    main()
