import doctest

import numpy as np
import pytest

from untrained.results.statistics import bootstrap, jackknife, weighted_correlation


@pytest.mark.parametrize("module", [bootstrap, jackknife, weighted_correlation])
def test_the_examples_of_the_docstrings_hold(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


def test_the_example_of_tie_blocks_holds(monkeypatch):
    monkeypatch.setattr(weighted_correlation, "MIN_BLOCK", 2)
    blocks = weighted_correlation.TieBlocks.of(np.array([2, 0, 1, 1, 1, 3]))
    points = [blocks.points(block).tolist() for block in range(blocks.count)]
    assert points == [[1], [2, 3, 4], [0, 5]]
