"""Eight shuffles, each with its own hidden perturbation: all must be sorted."""

from __future__ import annotations

import pytest
from test_demo import LONGEST, demo


@pytest.mark.long
@pytest.mark.timeout(LONGEST + 30)
@pytest.mark.parametrize("seed", range(1, 9))
def test_any_seed_is_sorted(tmp_path, seed):
    done, told = demo(tmp_path, seed, "--no-video")
    assert done.returncode == 0, f"{told}\n{done.stderr[-2000:]}"
