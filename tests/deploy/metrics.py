"""The metrics there are, as the code makes them: series names with their labels; and what PromQL expressions ask for."""

import re

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from windlass.aggregation.metrics import AggregationCollector
from windlass.api.store_metrics import GAUGES
from windlass.observe.metrics import Metrics
from windlass.queues.metrics import ConsumerCollector, Histogram
from windlass.queues.model import Counts

# What Prometheus and its operator add to every series.
TARGET_LABELS = {"job", "instance", "namespace", "pod", "container", "endpoint", "service", "component"}
FOREIGN = {"up": set()}
_WORDS = {
    "sum",
    "max",
    "min",
    "avg",
    "count",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "and",
    "or",
    "unless",
    "bool",
    "rate",
    "increase",
    "deriv",
    "histogram_quantile",
    "time",
    "vector",
    "label_values",
    "offset",
}


def series():
    """Every series' name with its labels, from the registries themselves."""
    series = {name: set(labels) for name, labels in FOREIGN.items()}
    for metric in vars(Metrics()).values():
        if hasattr(metric, "_labelnames"):
            _add(series, metric._name, metric._type, metric._labelnames)
    for name, (labels, _) in GAUGES.items():
        _add(series, f"windlass_{name}", "gauge", labels)
    registry = CollectorRegistry()
    gauges = {"in_flight": 0.0, "running": 0.0, "hung": 0.0, "polling": 0.0, "stalled_seconds": 0.0}
    registry.register(ConsumerCollector("q", Counts().as_dict, lambda: gauges, Histogram(), Histogram()))
    registry.register(AggregationCollector("q"))
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            series.setdefault(sample.name, set()).update(sample.labels)
    return series


def _add(series, name, kind, labels):
    names = {"counter": [f"{name}_total"], "histogram": [f"{name}_bucket", f"{name}_sum", f"{name}_count"]}.get(
        kind, [name]
    )
    for full_name in names:
        series[full_name] = {*labels, *(["le"] if full_name.endswith("_bucket") else [])}


def selectors(expression):
    """(series, {label: (operator, value)}) of an expression."""
    for name, matchers in re.findall(r"\b([a-z][a-z0-9_]*)\b(?!\s*\()(?:\{([^}]*)\})?", _without_groupings(expression)):
        if name in _WORDS or not (name in FOREIGN or name.startswith("windlass_")):
            continue
        yield (
            name,
            {label: (op, value) for label, op, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', matchers)},
        )


def unknown_words(expression):
    """Names in an expression that are neither series, functions nor grouping labels."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\$\w+', " ", _without_groupings(expression))
    names = re.findall(r"\b[a-zA-Z_][a-zA-Z0-9_]*\b", bare)
    return [name for name in names if name not in _WORDS and name not in FOREIGN and not name.startswith("windlass_")]


def groupings(expression):
    """Labels that an expression groups by."""
    return {
        label.strip()
        for text in re.findall(r"\b(?:by|on|without)\s*\(([^)]*)\)", expression)
        for label in text.split(",")
    }


def _without_groupings(expression):
    return re.sub(r"\b(?:by|on|without)\s*\([^)]*\)", " ", expression)
