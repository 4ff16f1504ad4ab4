"""The kit itself: each bad driver is caught by the one check that is meant for it."""

from __future__ import annotations

import importlib
import os
import sys

import pytest
from drivers.mutant import LEFT, Mutant
from drivers.mutants import conformance_of, mutants
from handrail_drivers.conformance import check
from handrail_drivers.conformance.report import CHECKS, run_check
from handrail_drivers.scaffold import Kind, write_package


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mutants") / "package"
    write_package("slide", Kind.SERIAL, folder)
    sys.path.insert(0, str(folder))
    try:
        kind = importlib.import_module("handrail_slide.conformance").SlideConformance
        yield type("Base", (kind,), {"settings": {"port": "none", "timeout": 0.005}})
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.startswith("handrail_slide")]:
            del sys.modules[name]


@pytest.fixture(scope="module")
def bad(base):
    yield [mutant for mutant in mutants(base.driver) if mutant.caught_by]
    for descriptor in LEFT:
        os.close(descriptor)
    LEFT.clear()


def failed(mutant: Mutant, base: type) -> dict[str, str]:
    outcomes = check(conformance_of(mutant, base)).outcomes
    return {one.check: one.text for one in outcomes if one.result == "failed"}


def test_each_is_caught_by_the_check_that_is_meant_for_it(base, bad):
    for mutant in bad:
        outcome = run_check(conformance_of(mutant, base), mutant.caught_by)
        assert outcome.result == "failed", mutant.driver.__name__


def test_every_check_catches_one(bad):
    assert {mutant.caught_by for mutant in bad} == set(CHECKS)


@pytest.mark.long
def test_each_passes_all_other_checks(base, bad):
    for mutant in bad:
        assert failed(mutant, base).keys() == {mutant.caught_by}, mutant.driver.__name__


def test_the_good_ones_pass(base):
    for mutant in mutants(base.driver):
        if not mutant.caught_by:
            assert failed(mutant, base) == {}


def test_a_report_can_be_pasted(base):
    report = check(base())
    lines = report.markdown().splitlines()
    assert lines[0].startswith("### Conformance of `handrail_slide.driver.Slide`: 17 passed, 0")
    assert sum(line.startswith("| ✅ |") for line in lines) == 17
    assert len([line for line in lines if line.count(" | ") >= 3]) == len(CHECKS) + 1
    assert report.json()["passed"] is True
    assert {row["check"] for row in report.json()["checks"]} == set(CHECKS)
