"""Flower ServerApp: read the configuration's path, adapt the Grid, start the campaign."""

import json
import logging
import os
import threading
import time
from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from protocols.errors import ConfigError, ScoringError
from server.grid import GridTransport

_LOOK_S = 0.5

_logger = logging.getLogger(__name__)

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run one campaign; an exception makes Flower report the run as failed."""
    import torch  # here: importing the module must stay cheap

    from server.conduct import run_campaign

    torch.set_num_threads(1)  # the same questions when a run is taken up on other cores
    _end_with_parent()
    try:
        config = Path(_environment("FEDSCORE_CONFIG"))
        transport = GridTransport(grid, nodes_of(_environment("FEDSCORE_NODES")))
        run_campaign(config, str(context.run_config["run-name"]), transport)
    except ScoringError:
        raise
    except Exception as err:  # the edge: what the control API shows must carry no detail
        _logger.exception("campaign failed")
        raise RuntimeError("internal error; the ServerApp's log has the details") from err


def nodes_of(text: str) -> dict[str, int]:
    """Return partner name -> Flower node id, as `server.link` wrote it.

    Raises:
        ConfigError: ``text`` is not a JSON object of strings of digits.
    """
    try:
        return {name: int(node_id) for name, node_id in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError) as err:
        raise ConfigError("FEDSCORE_NODES must be a JSON object: partner name -> node id") from err


def _end_with_parent() -> None:
    """End at once when the coordinator's process does: a campaign may be killed at any moment.

    Flower's own watch asks the main thread to end, which may be waiting for something for ever.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ConfigError(f"{name} is not set: start runs through fedscore-server train")
    return value
