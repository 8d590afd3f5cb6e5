"""The same targets, led by coverage: ``python -m tests.fuzz.atheris_harness TARGET [FLAGS]``.

Flags are libFuzzer's. The first folder among them keeps what is found to reach new code, and gets
the target's honest inputs first. A file among them is tried once: that is how a crash is seen
again. Needs ``atheris`` (the extra ``fuzz``), and is no part of ``make test``.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["protocols"]):
    from tests.fuzz.targets import TARGETS


def main(argv: list[str]) -> None:
    """Fuzz one target until libFuzzer ends the process; without a name, print all names."""
    if len(argv) < 2:
        sys.stdout.write("\n".join(TARGETS) + "\n")
        return
    program, name, *flags = argv
    if name not in TARGETS:
        raise SystemExit(f"expected one of: {', '.join(TARGETS)}")
    folders = [Path(flag) for flag in flags if Path(flag).is_dir()]
    if folders:
        for number, seed in enumerate(TARGETS[name].seeds()):
            (folders[0] / f"seed-{number}").write_bytes(seed)
    atheris.Setup([program, *flags], TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
