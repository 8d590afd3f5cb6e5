"""A ServerApp without a campaign: exchanges bytes and writes down what came back, and when."""

import json
import os
import time
from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from protocols.contracts.orders import Delivery
from server.app import nodes_of
from server.grid import GridTransport, Pace

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run the exchanges that the plan, a JSON file named by FEDSCORE_CONFIG, asks for."""
    plan = json.loads(Path(os.environ["FEDSCORE_CONFIG"]).read_text())
    nodes = nodes_of(os.environ["FEDSCORE_NODES"])
    transport = GridTransport(grid, nodes, pace=Pace(repush_after_s=plan["repush_after_s"]))
    transport.wait_online(list(nodes), deadline_s=plan["deadline_s"])
    for number, parameters in enumerate(plan["exchanges"]):
        order = f"{context.run_config['run-name']}/{number}".encode()
        delivery = Delivery(order, parameters.encode(), b"")
        began = time.monotonic()
        replies = transport.exchange(dict.fromkeys(nodes, delivery), deadline_s=plan["deadline_s"])
        line = {
            "took_s": time.monotonic() - began,
            "ended_at": time.time(),
            "answers": {name: reply.answer.decode() for name, reply in replies.items()},
            "vectors": {name: len(reply.vector) for name, reply in replies.items()},
        }
        with Path(plan["out"]).open("a") as file:
            file.write(json.dumps(line) + "\n")
