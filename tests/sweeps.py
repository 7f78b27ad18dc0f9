"""One test over many small cases: to start a test takes longer than such a case does."""

import functools
import inspect

import pytest

__all__ = ["sweep"]


def sweep(names, cases, ids=str):
    """Make of a test one that runs every case, as `pytest.mark.parametrize(names, cases)` makes one for each.

    The failures come together, each with the id of its case; a case that skips is one. Fixtures are the same for all cases.
    """
    names = [name.strip() for name in names.split(",")]
    cases = list(cases)

    def decorate(test):
        parameters = inspect.signature(test).parameters
        assert set(names) <= parameters.keys(), f"{test.__name__} does not take all of {names}"

        @functools.wraps(test)
        def run_all(**fixtures):
            failures = []
            for case in cases:
                try:
                    test(**fixtures, **dict(zip(names, case if len(names) > 1 else [case], strict=True)))
                except (Exception, pytest.fail.Exception, pytest.skip.Exception) as failure:
                    failure.add_note(f"in the case {ids(case)}")
                    failures.append(failure)
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(cases)} cases failed", failures)
            assert cases

        del run_all.__wrapped__  # pytest would take the parameters of the cases for fixtures
        run_all.__signature__ = inspect.Signature(
            [parameter for name, parameter in parameters.items() if name not in names]
        )
        return run_all

    return decorate
