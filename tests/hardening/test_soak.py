"""The soak, scaled down: three minutes of misfortunes on 10 machines and 200 units.

It takes six minutes with what comes before and after, and a sixth of a core meanwhile, so that the
other tests run beside it; it is collected first. An hour of it is `python -m tests.hardening soak`.
"""

import pytest

from hardening.soak import Soak, soaked_by


@pytest.mark.timeout(1200)
def test_nothing_grows_in_a_cluster_where_faults_come_and_go() -> None:
    soaked = soaked_by(Soak(180, machines=10, units=200))
    assert soaked.problems == []
    assert soaked.misfortunes > 40
