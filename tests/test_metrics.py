from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics import Metrics


def test_two_gateways_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.store_away.inc()
    assert first.registry.get_sample_value("gateway_store_unavailable_total") == 1
    assert second.registry.get_sample_value("gateway_store_unavailable_total") == 0


def test_every_metric_is_documented_and_bears_the_gateways_name() -> None:
    text = generate_latest(Metrics().registry).decode()
    families = list(text_string_to_metric_families(text))
    assert len(families) > 5
    assert [each.name for each in families if not each.documentation.endswith(".")] == []
    assert [each.name for each in families if not each.name.startswith("gateway_")] == []


def test_no_label_could_hold_an_id_or_a_path() -> None:
    """Label names are a closed list, so that the number of series stays small."""
    labels: set[str] = set()
    metrics = Metrics()
    for metric in vars(metrics).values():
        labels.update(getattr(metric, "_labelnames", ()))
    expected = {"decision", "rule", "outcome", "kind", "status", "result", "send_class", "end"}
    expected |= {"phone_number_id"}  # a business has a few
    assert labels == expected


def test_a_fast_answer_and_a_slow_one_fall_into_different_buckets() -> None:
    metrics = Metrics()
    metrics.overhead.observe(0.0004)
    metrics.overhead.observe(3)
    count = metrics.registry.get_sample_value
    assert count("gateway_overhead_seconds_bucket", {"le": "0.0005"}) == 1
    assert count("gateway_overhead_seconds_bucket", {"le": "1.0"}) == 1
    assert count("gateway_overhead_seconds_bucket", {"le": "5.0"}) == 2


def test_what_is_tallied_is_exposed_by_its_labels() -> None:
    metrics = Metrics()
    for rule in ("none", "none", "template"):
        metrics.decision("admit" if rule == "none" else "reject", rule)
    value = metrics.registry.get_sample_value
    assert value("gateway_decisions_total", {"decision": "admit", "rule": "none"}) == 2
    assert value("gateway_decisions_total", {"decision": "reject", "rule": "template"}) == 1
    text = generate_latest(metrics.registry).decode()
    assert "# TYPE gateway_decisions_total counter" in text
