"""With GEMMULE_NO_SKIPS set, as in CI, a test that would skip fails instead."""

import os

import pytest

os.environ.setdefault("GEMMULE_TRACEBACK", "1")  # an error of ours fails a test with its traceback


def _refuse_skip(report):
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("GEMMULE_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and GEMMULE_NO_SKIPS allows no skip: {report.longrepr[2]}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _refuse_skip((yield))
