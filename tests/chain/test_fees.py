"""What is offered for gas."""

from dml.chain.payer import fees
from dml.chain.payer.fees import GWEI, Fees

CAP = 100 * GWEI


def test_twice_the_base_fee_and_a_tip_are_offered() -> None:
    assert fees.at_market(10 * GWEI, 2 * GWEI, CAP) == Fees(22 * GWEI, 2 * GWEI)


def test_a_node_that_suggests_no_tip_is_not_believed() -> None:
    assert fees.at_market(10 * GWEI, 0, CAP) == Fees(20 * GWEI + fees.TIP_MIN, fees.TIP_MIN)


def test_never_more_is_offered_than_the_cap_allows() -> None:
    assert fees.at_market(90 * GWEI, 2 * GWEI, CAP) == Fees(CAP, 2 * GWEI)
    assert fees.at_market(1, 200 * GWEI, CAP) == Fees(CAP, CAP)
    assert fees.at_market(CAP, 0, CAP) is None


def test_a_replacement_offers_a_quarter_more_of_both() -> None:
    before, market = Fees(8 * GWEI, 4), Fees(2 * GWEI, 1)
    assert fees.raised(before, market, CAP) == Fees(10 * GWEI, 5)
    assert fees.raised(Fees(7, 3), Fees(1, 1), CAP) == Fees(9, 4)  # Rounded up.


def test_a_replacement_goes_up_to_the_market() -> None:
    market = Fees(50 * GWEI, 3 * GWEI)
    assert fees.raised(Fees(8 * GWEI, GWEI), market, CAP) == market


def test_a_replacement_offers_an_eighth_more_or_is_none() -> None:
    market = Fees(99 * GWEI, 1)
    assert fees.raised(Fees(88 * GWEI, 8), market, CAP) == Fees(CAP, 10)
    assert fees.raised(Fees(89 * GWEI, 8), market, CAP) is None


def test_a_replacement_s_tip_is_never_above_the_whole() -> None:
    assert fees.raised(Fees(88 * GWEI, 88 * GWEI), Fees(1, 1), CAP) == Fees(CAP, CAP)


def test_a_batch_gets_what_the_vault_wants_left_over() -> None:
    assert fees.gas_limit(100_000) == 120_000 + fees.SPARE_GAS
    assert fees.gas_limit(15_500_000) == fees.TRANSACTION_GAS_MAX
    assert fees.gas_limit(17_000_000) == 17_000_000 + fees.SPARE_GAS  # The node says no.
