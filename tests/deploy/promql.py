"""What a PromQL expression names, and which labels its result has, held to the metrics that exist."""

from collections.abc import Iterator

import promql_parser as promql

from killrweather.web.metrics import ACTOR_STATES, METRICS, NODE_STATES, STREAM_STATES

SERIES = {name: labels for metric in METRICS for name, labels in metric.series.items()}
STATES = {
    "killrweather_node_state": NODE_STATES,
    "killrweather_actor_state": ACTOR_STATES,
    "killrweather_stream_state": STREAM_STATES,
}
OF_PROMETHEUS = ("instance", "job")
"""The labels that Prometheus gives to whatever it scrapes."""


def selectors(expression: str) -> list[promql.VectorSelector]:
    """Every selector of an expression; raises ValueError for one that is no PromQL."""
    found: list[promql.VectorSelector] = []

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.VectorSelector):
            found.append(node)

    promql.walk(promql.parse(expression), visit)
    return found


def faults(expression: str) -> Iterator[str]:
    """What an expression names that there is not: metrics, labels, states."""
    for selector in selectors(expression):
        if selector.name not in SERIES:
            if selector.name != "up":
                yield f"metric {selector.name}"
            continue
        for matcher in selector.matchers.matchers:
            if matcher.name not in (*SERIES[selector.name], *OF_PROMETHEUS):
                yield f"label {matcher.name} of {selector.name}"
            elif matcher.name == "state" and matcher.value not in STATES[selector.name]:
                yield f"state {matcher.value} of {selector.name}"
    yield from (f"grouping by {label}" for label in _ungrouped(promql.parse(expression)))


def labels(node: promql.Expr) -> set[str]:
    """The labels that the result of an expression has."""
    match node:
        case promql.VectorSelector():
            return {*SERIES.get(node.name, ()), *OF_PROMETHEUS}
        case promql.MatrixSelector():
            return labels(node.vector_selector)
        case promql.AggregateExpr():
            return set(node.modifier.labels) if node.modifier else set()
        case promql.Call():
            inner = [labels(argument) for argument in node.args if not isinstance(argument, promql.NumberLiteral)]
            return set().union(*inner) - ({"le"} if node.func.name == "histogram_quantile" else set())
        case promql.BinaryExpr():
            return labels(node.rhs) if isinstance(node.lhs, promql.NumberLiteral) else labels(node.lhs)
        case promql.ParenExpr() | promql.SubqueryExpr():
            return labels(node.expr)
    return set()


def _ungrouped(root: promql.Expr) -> list[str]:
    """The labels that an aggregation groups by and its values do not have."""
    found: list[str] = []

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.AggregateExpr) and node.modifier:
            found.extend(sorted(set(node.modifier.labels) - labels(node.expr)))

    promql.walk(root, visit)
    return found
