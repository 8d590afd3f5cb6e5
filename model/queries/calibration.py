"""How often borrowers of each score default, so that probabilities can be put right."""

from dataclasses import dataclass

from model.queries.batch import Population
from model.queries.evaluation import Evaluation


@dataclass(frozen=True)
class Calibration(Evaluation):
    """The same as an evaluation, of the borrowers that training uses."""

    name: str = "calibration"
    population: Population = "training"
