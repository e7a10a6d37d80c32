"""The dashboard shows what there is, and everything that is important."""

import json
import re

import promql_parser
import pytest
from deploy_stage import DEPLOY, text
from promql import OF_PROMETHEUS, SERIES, faults, labels, selectors

from killrweather.web.metrics import METRICS

DASHBOARD = json.loads(text(DEPLOY / "grafana" / "killrweather.json"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [
    pytest.param(target["expr"].replace("$__rate_interval", "5m"), target["legendFormat"], id=f"{panel['title']} {n}")
    for panel in PANELS
    for n, target in enumerate(panel["targets"], 1)
]


@pytest.mark.parametrize(("expression", "legend"), QUERIES)
def test_a_query_is_promql_over_metrics_and_labels_that_exist(expression, legend):
    """Its legend, too, names labels that the result has."""
    assert list(faults(expression)) == []
    assert set(re.findall(r"{{(\w+)}}", legend)) <= labels(promql_parser.parse(expression))


def test_the_variables_are_those_that_the_queries_use():
    """A node is chosen by a label that Prometheus gives."""
    by_name = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(DASHBOARD["panels"])))
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", by_name["instance"]["query"]).groups()

    assert used == by_name.keys()
    assert metric in SERIES
    assert label in OF_PROMETHEUS


def test_the_annotation_is_promql_too():
    """It marks where the stream has moved."""
    for annotation in DASHBOARD["annotations"]["list"]:
        assert list(faults(annotation["expr"])) == []


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_on_the_dashboard(metric):
    """Whoever adds one decides where it is looked at."""
    shown = {selector.name for query in QUERIES for selector in selectors(query.values[0])}

    assert shown & metric.series.keys()


def test_the_panels_fill_their_rows_without_covering_each_other():
    """Grafana would move them about; each has a title of its own and says what it shows."""
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    assert all(panel["description"] for panel in PANELS)


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("sum(killrweather_nothing)", "metric killrweather_nothing"),
        ("killrweather_http_request_duration_seconds", "metric killrweather_http_request_duration_seconds"),
        ('killrweather_ready_check{actor="x"}', "label actor of killrweather_ready_check"),
        ('killrweather_node_state{state="Gone"}', "state Gone of killrweather_node_state"),
        ("sum by (partition) (killrweather_stream_lag_records)", "grouping by partition"),
    ],
)
def test_an_expression_over_something_else_is_found(expression, fault):
    """The check itself can fail."""
    assert list(faults(expression)) == [fault]
