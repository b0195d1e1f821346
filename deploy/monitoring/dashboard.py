"""Writes the dashboard for Grafana: `python deploy/monitoring/dashboard.py > dashboard.json`.

Import the file in Grafana, and choose your Prometheus. A test holds the two together, and each
expression to the metrics that there are.
"""

import json
import sys
from typing import Any

RATE = "$__rate_interval"

# Rows of panels: title, unit, and of each line an expression and how it is called.
ROWS: list[tuple[str, list[tuple[str, str, list[tuple[str, str]]]]]] = [
    (
        "Is all well?",
        [
            ("Processes", "none", [("sum by (kind) (dml_processes)", "{{kind}}")]),
            (
                "Broken invariants",
                "none",
                [("max by (invariant) (dml_invariant_violations)", "{{invariant}}")],
            ),
            (
                "Answers with 5xx",
                "percentunit",
                [
                    (
                        f'sum(rate(dml_requests_total{{status="5xx"}}[{RATE}])) '
                        f"/ sum(rate(dml_requests_total[{RATE}]))",
                        "5xx",
                    )
                ],
            ),
            ("Bugs reported", "none", [(f"sum(increase(dml_bugs_reported_total[{RATE}]))", "")]),
        ],
    ),
    (
        "Requests",
        [
            (
                "Requests a second",
                "reqps",
                [(f"sum by (status) (rate(dml_requests_total[{RATE}]))", "{{status}}")],
            ),
            (
                "How long they take",
                "s",
                [
                    (
                        f"histogram_quantile({it}, sum by (le) "
                        f"(rate(dml_request_seconds_bucket[{RATE}])))",
                        f"{it:.0%}",
                    )
                    for it in (0.5, 0.95, 0.99)
                ],
            ),
            (
                "The slowest routes",
                "s",
                [
                    (
                        "topk(10, histogram_quantile(0.95, sum by (le, route) "
                        f"(rate(dml_request_seconds_bucket[{RATE}]))))",
                        "{{route}}",
                    )
                ],
            ),
            (
                "Refused for overload",
                "reqps",
                [(f"sum by (what) (rate(dml_refused_for_overload_total[{RATE}]))", "{{what}}")],
            ),
        ],
    ),
    (
        "Devices",
        [
            (
                "What devices ask, a second",
                "reqps",
                [
                    (
                        f"sum by (verb, outcome) (rate(dml_device_requests_total[{RATE}]))",
                        "{{verb}} {{outcome}}",
                    )
                ],
            ),
            (
                "How long they wait (95 %)",
                "s",
                [
                    (
                        "histogram_quantile(0.95, sum by (le, verb) "
                        f"(rate(dml_device_request_seconds_bucket[{RATE}])))",
                        "{{verb}}",
                    )
                ],
            ),
            (
                "Results counted a second",
                "none",
                [(f"sum(rate(dml_results_folded_total[{RATE}]))", "folded")],
            ),
            (
                "Results that wait",
                "none",
                [
                    ("max(dml_inbox_length)", "results"),
                    ("max(dml_inbox_oldest_seconds)", "seconds of the oldest"),
                ],
            ),
        ],
    ),
    (
        "Queues and processes",
        [
            (
                "The oldest in each queue",
                "s",
                [("max by (queue) (dml_queue_oldest_seconds)", "{{queue}}")],
            ),
            ("How many wait", "none", [("max by (queue) (dml_queue_depth)", "{{queue}}")]),
            (
                "Durable processes",
                "none",
                [("max by (state) (dml_durable_processes)", "{{state}}")],
            ),
            (
                "Steps that failed",
                "none",
                [
                    (
                        "sum by (step) "
                        f'(increase(dml_step_seconds_count{{outcome="failed"}}[{RATE}]))',
                        "{{step}}",
                    )
                ],
            ),
            (
                "Sandboxes",
                "none",
                [
                    (
                        f"sum by (kind, outcome) (increase(dml_sandbox_runs_total[{RATE}]))",
                        "{{kind}} {{outcome}}",
                    )
                ],
            ),
            (
                "Workers lost, processes taken over",
                "none",
                [
                    (f"sum(increase(dml_nodes_lost_total[{RATE}]))", "workers"),
                    (f"sum(increase(dml_takeovers_total[{RATE}]))", "processes"),
                ],
            ),
        ],
    ),
    (
        "Money and chain",
        [
            ("Books are off by", "none", [("max(dml_ledger_difference_microtokens)", "micro")]),
            (
                "Open withdrawals",
                "none",
                [("max by (state) (dml_withdrawals_open)", "{{state}}")],
            ),
            (
                "The oldest of them",
                "s",
                [("max by (state) (dml_withdrawals_oldest_seconds)", "{{state}}")],
            ),
            (
                "The chain",
                "none",
                [
                    ("max(dml_chain_lag_blocks)", "blocks not read"),
                    ("max(dml_chain_halted)", "halted"),
                    ("max(dml_chain_differs)", "differs"),
                ],
            ),
        ],
    ),
    (
        "Within the processes",
        [
            (
                "Connections to PostgreSQL",
                "none",
                [("sum by (process, state) (dml_pool_connections)", "{{process}} {{state}}")],
            ),
            (
                "Who waits for one",
                "none",
                [("sum by (process) (dml_pool_waiting)", "{{process}}")],
            ),
            (
                "Event loop lag (99 %)",
                "s",
                [
                    (
                        "histogram_quantile(0.99, sum by (le, process) "
                        f"(rate(dml_event_loop_lag_seconds_bucket[{RATE}])))",
                        "{{process}}",
                    )
                ],
            ),
            (
                "Loops of workers (95 %)",
                "s",
                [
                    (
                        "histogram_quantile(0.95, sum by (le, loop) "
                        f"(rate(dml_loop_seconds_bucket[{RATE}])))",
                        "{{loop}}",
                    )
                ],
            ),
        ],
    ),
]


def dashboard() -> dict[str, Any]:
    """Return what Grafana imports."""
    panels, top, number = list[dict[str, Any]](), 0, 0
    for name, row in ROWS:
        number += 1
        place = {"h": 1, "w": 24, "x": 0, "y": top}
        panels.append({"id": number, "type": "row", "title": name, "gridPos": place, "panels": []})
        top += 1
        for index, (title, unit, lines) in enumerate(row):
            number += 1
            place = {"h": 7, "w": 6, "x": index % 4 * 6, "y": top + index // 4 * 7}
            panels.append(_panel(number, title, unit, lines) | {"gridPos": place})
        top += (len(row) + 3) // 4 * 7
    source = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    return {
        "title": "DML Marketplace",
        "uid": "dml-marketplace",
        "tags": ["dml"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }


def _panel(number: int, title: str, unit: str, lines: list[tuple[str, str]]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {"refId": chr(65 + index), "expr": asked, "legendFormat": called, "datasource": source}
            for index, (asked, called) in enumerate(lines)
        ],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(dashboard(), indent=1) + "\n")
