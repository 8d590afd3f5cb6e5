"""A partner's node as a process of its own; what an order's parameters say decides its answer.

``refuse NAME`` and ``fault NAME`` make that node raise; ``stall NAME`` makes it hang the first
time it sees the order; anything else is answered with its own name and the order.
"""

import argparse
import logging
import time
from pathlib import Path

from clients.partner.runner import RunnerSettings, run_node
from protocols.contracts.orders import Delivery, Reply
from protocols.errors import OrderRefusedError

STALL_S = 60.0


def main() -> None:
    """Run one node until SIGTERM: node.py COORDINATOR HOME."""
    parser = argparse.ArgumentParser()
    parser.add_argument("coordinator")
    parser.add_argument("home", type=Path)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run_node(settings(args.coordinator, args.home), lambda delivery: answer(delivery, args.home))


def settings(coordinator: str, home: Path) -> RunnerSettings:
    """Return the settings of the node in ``home``; the CA lies beside it."""
    return RunnerSettings(
        coordinator=coordinator,
        ca_cert=home.parent / "ca.pem",
        node_key=home / "node.pem",
        state_dir=home,
    )


def answer(delivery: Delivery, home: Path) -> Reply:
    """Write the order down, then do as its parameters say."""
    seen = home / "orders"
    is_new = not seen.exists() or delivery.order not in seen.read_bytes().splitlines()
    with seen.open("ab") as log:
        log.write(delivery.order + b"\n")
    match delivery.parameters.decode().split():
        case ["refuse", home.name]:
            raise OrderRefusedError("as the test asked")
        case ["fault", home.name]:
            raise ValueError("row 17 holds 4200")  # what must never leave
        case ["stall", home.name] if is_new:
            time.sleep(STALL_S)
    return Reply(f"{home.name} {delivery.order.decode()}".encode(), delivery.parameters, b"")


if __name__ == "__main__":
    main()
