"""A partner's node whose serving is profiled: ``fedscore-partner`` with an output file in front.

python -m benchmarks.profiled_node node.prof run --config partner.toml
"""

import cProfile
import sys

from clients.partner import runner
from clients.partner.cli import main


def profiled(output: str) -> None:
    """Run ``fedscore-partner`` and write the profile of what it does once it is connected."""
    profile, serve = cProfile.Profile(), runner._Node.serve

    def watched(node: runner._Node) -> None:
        with profile:
            serve(node)

    runner._Node.serve = watched  # type: ignore[method-assign]  # what a profiler does
    try:
        main()
    finally:
        profile.dump_stats(output)


if __name__ == "__main__":
    written_to = sys.argv.pop(1)
    profiled(written_to)
