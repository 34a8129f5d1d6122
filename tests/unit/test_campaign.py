"""Several machines: one after the other, and none after the first that is not proven healthy."""

import pytest

from fleettui.model.cluster import Machine
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.campaign import Campaign, campaign_over
from fleettui.repair.records.outcome import Outcome, Result

A, B, C = (Machine(Untrusted(c * 32), Untrusted(f"10.0.0.{n}")) for n, c in enumerate("abc", 1))
DONE = Outcome(Result.DONE, Untrusted("repaired"))
FAILED = Outcome(Result.FAILED, Untrusted("not within 120 s"))


def test_the_next_machine_has_its_turn_only_after_the_one_before_is_proven() -> None:
    campaign = campaign_over((A, B, C))
    order = []
    while campaign.current is not None:
        order.append(campaign.current)
        with pytest.raises(ValueError, match="not the turn"):
            campaign.after(Untrusted("f" * 32), DONE)
        campaign = campaign.after(campaign.current.id, DONE)
    assert order == [A, B, C]
    assert campaign.verified == (A.id, B.id, C.id)
    assert campaign.left == ()


@pytest.mark.parametrize("result", [Result.FAILED, Result.UNKNOWN, Result.NOT_STARTED])
def test_the_first_that_does_not_verify_stops_it(result: Result) -> None:
    outcome = Outcome(result, Untrusted("why"))
    campaign = campaign_over((A, B, C)).after(A.id, DONE).after(B.id, outcome)
    assert campaign.current is None
    assert campaign.stopped == outcome
    assert (campaign.verified, campaign.left) == ((A.id,), (B, C))
    with pytest.raises(ValueError, match="not the turn"):
        campaign.after(C.id, DONE)


def test_it_goes_on_where_it_stopped() -> None:
    campaign = campaign_over((A, B)).after(A.id, FAILED).again()
    assert campaign.current == A


def test_a_machine_is_repaired_once() -> None:
    assert campaign_over((A, B, A)) == Campaign((A, B))
