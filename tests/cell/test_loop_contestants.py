"""Who takes turns in ``handrail bench loop``, each for a moment: in real time, as there."""

from __future__ import annotations

from handrail_bridge.bench.loop.contestants import bare, cyclictest, handrail


def test_our_loop_is_watched_while_it_plays() -> None:
    found = handrail(200, 0.5)
    assert len(found.began) + found.missed > 50
    assert found.began.min() >= 0, "no tick begins before it is due"
    assert (found.written > found.began[0]).all()


def test_a_bare_loop_keeps_the_same_schedule() -> None:
    found = bare(200, 0.5)
    assert len(found.began) + found.missed > 50
    assert found.began.min() >= 0


def test_cyclictest_is_understood() -> None:
    assert len(cyclictest(1000, 0.3).began) == 300
