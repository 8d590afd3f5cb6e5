"""The ServerApp of `benchmarks.rounds`: a campaign that asks one wide question again and again."""

import cProfile
import json
import os
from collections.abc import Generator
from pathlib import Path

import torch
from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from model.accounting import RunPlan
from model.descent import Opened
from model.features import Encoding
from model.queries.batch import Question
from model.queries.gradient import Gradient
from protocols.contracts.features import FeatureContract
from protocols.ledger.entry import Mechanism, PlannedQuery
from server.app import nodes_of
from server.campaign import open_campaign
from server.grid import GridTransport

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Ask for as many gradients as the benchmark wants, one weight for each cell."""
    asked = json.loads(os.environ["FEDSCORE_ROUNDS"])
    transport = GridTransport(grid, nodes_of(os.environ["FEDSCORE_NODES"]))
    run = str(context.run_config["run-name"])
    campaign = open_campaign(Path(os.environ["FEDSCORE_CONFIG"]), run, transport)
    gradients = PlannedQuery(Mechanism("gradient", "20"), asked["rounds"])
    plan = RunPlan(queries=(gradients,), spare_attempts=2, target_bins=4)
    profile = cProfile.Profile()
    if asked["profile"]:
        profile.enable()
    campaign.conduct(plan, gradients_of(campaign.federation.contract, asked["rounds"]))
    profile.disable()
    if asked["profile"]:
        profile.dump_stats(asked["profile"])


def gradients_of(contract: FeatureContract, rounds: int) -> Generator[Question, Opened, None]:
    """Ask the same gradient ``rounds`` times."""
    encoding = Encoding(tuple(tuple(range(field.cell_count)) for field in contract.fields))
    weights = torch.zeros(encoding.width, dtype=torch.float64)
    for _ in range(rounds):
        yield Gradient(encoding, weights, 0.5)
