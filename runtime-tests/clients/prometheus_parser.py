"""Reads metrics with the parsers of Prometheus' own client library, in both formats.

    python prometheus_parser.py URL ROUTE NAME=VALUE...

Checks that each sample NAME of the route ROUTE has the value. Says nothing and exits with 0 when all is as it should be.
"""

import sys
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

URL, ROUTE, *EXPECTED = sys.argv[1:]
FORMATS = {
    # As Prometheus 3 asks.
    "application/openmetrics-text": (
        open_metrics,
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    ),
    "text/plain": (prometheus, "*/*"),
}

for media_type, (parse, accept) in FORMATS.items():
    with urllib.request.urlopen(urllib.request.Request(URL, headers={"Accept": accept})) as response:
        assert response.headers.get_content_type() == media_type, response.headers
        text = response.read().decode()
    families = list(parse(text))
    assert families, text
    names = [family.name for family in families]
    assert len(names) == len(set(names)), names
    for family in families:
        assert family.documentation.endswith("."), family
        assert family.type != "unknown", family
    samples = {
        sample.name: sample.value
        for family in families
        for sample in family.samples
        if sample.labels.get("route") == ROUTE
    }
    for expected in EXPECTED:
        name, value = expected.split("=")
        assert samples.get(name) == float(value), f"{media_type}: {expected}: {samples}"
