"""A mutant differs in one place that runs, and none is the module itself."""

import ast

from benchmarks.mutation import mutants_of

SOURCE = '''
def capped(amount: int, most: int = 5) -> int:
    """Return at most so much."""
    if amount < 0:
        raise ValueError("below 0")
    for one in zip([amount], [most], strict=True):
        if one and not most:
            break
    return min(amount + 1, most)
'''


def test_each_mutant_has_one_fault() -> None:
    found = [(mutant.line, mutant.kind) for mutant in mutants_of(SOURCE)]
    assert found == [
        (2, "constant"), (2, "constant"),
        (4, "condition"), (4, "comparison"), (4, "constant"), (4, "constant"),
        (7, "condition"), (7, "logic"),
        (8, "jump"),
        (9, "return"), (9, "call"), (9, "arithmetic"), (9, "constant"), (9, "constant"),
    ]  # fmt: skip


def test_a_mutant_runs_and_is_not_the_module() -> None:
    whole = ast.unparse(ast.parse(SOURCE))
    texts = [ast.unparse(mutant.tree) for mutant in mutants_of(SOURCE)]
    assert len(set(texts)) == len(texts)
    assert whole not in texts
    for mutant in mutants_of(SOURCE):
        compile(mutant.tree, "mutant", "exec")
