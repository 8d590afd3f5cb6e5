"""How many small faults, planted one by one in a module, do its tests notice?

    nice python -m benchmarks.mutation server.decisions.day_count \\
        --tests tests/unit/server/decisions/test_day_count.py tests/property/test_repayment.py

Each mutant differs in one operator, constant, condition or returned value. It is judged in a fork
of a process that has everything else imported, by the tests in the order given, up to the first
that fails. Tests that are quick and close to the module come first, laws over generated cases last.
Prints a JSON line for every mutant that survives, and one for each module.
"""

import argparse
import ast
import importlib.abc
import importlib.util
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import hypothesis
import pytest

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Add, ast.Pow: ast.Mult,
}  # fmt: skip
_SWAPPED = {"min": "max", "max": "min", "all": "any", "any": "all", "sum": "len"}
_STRICT = ("strict", "frozen")  # arguments that only guard against a mistake of ours
_DEADLINE_FACTOR = 5  # of what all tests take on the module as it is


Fault = tuple[str, Callable[[], None]]  # its kind, and what plants it


class Mutant(NamedTuple):
    """A module with one fault."""

    line: int
    kind: str
    now: str
    tree: ast.Module


class _Served(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a mutant to whoever imports its module."""

    def __init__(self, name: str, tree: ast.Module, path: str) -> None:
        self._name, self._path = name, path
        self._code = compile(tree, path, "exec")

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(name, self._path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)  # the project's own source, with one node changed


def mutants_of(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module's source, in the order of its lines."""
    count = len(list(_faults(ast.parse(source))))
    for place in range(count):
        tree = ast.parse(source)
        node, kind, change = list(_faults(tree))[place]
        before = ast.unparse(node)
        change()
        now = f"{before} -> {ast.unparse(node)}"
        yield Mutant(getattr(node, "lineno", 0), kind, now, ast.fix_missing_locations(tree))


def _faults(tree: ast.Module) -> list[tuple[ast.AST, str, Callable[[], None]]]:
    found: list[tuple[ast.AST, str, Callable[[], None]]] = []
    left_out = {id(part) for node in ast.walk(tree) for part in _never_run(node)}
    for node in ast.walk(tree):
        if id(node) not in left_out:
            found += [(node, kind, change) for kind, change in _changes(node)]
    return sorted(found, key=lambda fault: getattr(fault[0], "lineno", 0))


def _never_run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what decides nothing here: annotations, texts of errors, and extra strictness."""
    for field in ("annotation", "returns"):
        if isinstance(part := getattr(node, field, None), ast.AST):
            yield from ast.walk(part)
    if isinstance(node, ast.Raise) or (isinstance(node, ast.keyword) and node.arg in _STRICT):
        yield from ast.walk(node)


def _changes(node: ast.AST) -> Iterator[Fault]:
    yield from _changed_operators(node)
    match node:
        case ast.Constant(value=bool() as value):
            yield "constant", _setter(node, "value", not value)
        case ast.Constant(value=int() | float() as value):
            yield "constant", _setter(node, "value", value + 1)
            yield "constant", _setter(node, "value", value - 1)
        case ast.If(test=test) | ast.IfExp(test=test):
            yield "condition", _setter(node, "test", ast.UnaryOp(ast.Not(), test))
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            yield "return", _setter(node, "value", ast.Constant(None))
        case ast.Call(func=ast.Name(id=name) as called) if name in _SWAPPED:
            yield "call", _setter(called, "id", _SWAPPED[name])
        case ast.Break():
            yield "jump", _setter(node, "__class__", ast.Continue)


def _changed_operators(node: ast.AST) -> Iterator[Fault]:
    match node:
        case ast.Compare(ops=operators):
            for place, operator in enumerate(operators):
                yield "comparison", _setter(operators, place, _COMPARED[type(operator)]())
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) if type(operator) in _COMPUTED:
            yield "arithmetic", _setter(node, "op", _COMPUTED[type(operator)]())
        case ast.UnaryOp(op=ast.USub()):
            yield "arithmetic", _setter(node, "op", ast.UAdd())
        case ast.BoolOp(op=operator):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield "logic", _setter(node, "op", other)


def _setter(owner: object, name: str | int, value: object) -> Callable[[], None]:
    def change() -> None:
        if isinstance(name, int):
            owner[name] = value  # type: ignore[index]  # a list of operators
        else:
            setattr(owner, name, value)

    return change


def run_tests(tests: Sequence[str]) -> int:
    """Return pytest's exit code for tests in their order, up to the first failure."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))


def survives(
    name: str, tree: ast.Module, path: str, tests: Sequence[str], *, most_s: float
) -> bool:
    """Return whether every test passes on a mutant within a time."""
    child = os.fork()
    if not child:
        with suppress(BaseException):
            for loaded in [one for one in sys.modules if one.split(".")[0] in {"server", "tests"}]:
                del sys.modules[loaded]
            sys.meta_path.insert(0, _Served(name, tree, path))
            os._exit(run_tests(tests))
        os._exit(1)
    return _exit_code(child, most_s) == 0


def _exit_code(child: int, most_s: float) -> int:
    end = time.monotonic() + most_s
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)  # a mutant that runs for ever is noticed too
    os.waitpid(child, 0)
    return -1


def judge(name: str, *, tests: Sequence[str], most_s: float, sample: int | None) -> None:
    """Judge the mutants of one module, or so many of them drawn at random, and print lines."""
    path = _path_of(name)
    mutants = list(mutants_of(Path(path).read_text(encoding="utf-8")))
    if sample is not None and sample < len(mutants):
        mutants = random.Random(1).sample(mutants, sample)
    killed, begun = 0, time.monotonic()
    for mutant in mutants:
        if survives(name, mutant.tree, path, tests, most_s=most_s):
            line = {"name": "survivor", "module": name, "line": mutant.line, "kind": mutant.kind}
            print(json.dumps(line | {"change": mutant.now}), flush=True)
        else:
            killed += 1
    setting = {"module": name, "killed": killed, "seconds": round(time.monotonic() - begun)}
    share = round(killed / len(mutants), 4) if mutants else None
    line = {"name": "mutants killed", "value": share, "unit": "share", "n": len(mutants)}
    print(json.dumps(line | {"setting": setting}), flush=True)


def _path_of(name: str) -> str:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{name}: no such module")
    return spec.origin


def _unchanged(name: str) -> tuple[ast.Module, str]:
    path = _path_of(name)
    return ast.parse(Path(path).read_text(encoding="utf-8")), path


def main() -> None:
    """Check that the tests pass as things are, then judge each module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="+", metavar="MODULE")
    parser.add_argument("--tests", nargs="+", required=True, metavar="PATH")
    parser.add_argument("--sample", type=int, help="judge so many mutants of each module only")
    asked = parser.parse_args()
    # To find a failure is enough, and the same cases meet every mutant.
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile("mutation", phases=phases, derandomize=True, database=None)
    hypothesis.settings.load_profile("mutation")
    begun = time.monotonic()
    if run_tests(asked.tests):
        raise SystemExit("the tests fail on the modules as they are")
    most_s = 10 + _DEADLINE_FACTOR * (time.monotonic() - begun)
    # What would kill a module as it is would kill every mutant too, and say nothing.
    if not survives(asked.modules[0], *_unchanged(asked.modules[0]), asked.tests, most_s=most_s):
        raise SystemExit("the tests fail in a fork on a module as it is")
    for name in asked.modules:
        judge(name, tests=asked.tests, most_s=most_s, sample=asked.sample)


if __name__ == "__main__":
    main()
