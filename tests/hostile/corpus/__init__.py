"""The hostile class: every case of every category."""

from tests.hostile.corpus import (
    archives,
    bombs,
    ends,
    honest,
    loops,
    models,
    network,
    notebooks,
    pages,
    processes,
    reading,
    verdicts,
    writing,
)

CATEGORIES = {
    module.__name__.rpartition(".")[2]: module.CASES
    for module in (
        archives,
        bombs,
        ends,
        honest,
        loops,
        models,
        network,
        notebooks,
        pages,
        processes,
        reading,
        verdicts,
        writing,
    )
}
CASES = [case for cases in CATEGORIES.values() for case in cases]
