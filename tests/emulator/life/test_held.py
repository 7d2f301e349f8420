from gateway.emulator.life.held import Assessments, Campaign


def test_everybody_begins_with_nothing_held() -> None:
    assert Campaign(since=1.0).held == []
    assert Campaign(since=1.0).held is not Campaign(since=1.0).held
    assert Assessments().templates == Assessments().portfolios == {}
