"""From records to what people read: tables, figures, statistics, claims, a summary in plain words and a page."""

from benchmarks.report.build import Report, build
from benchmarks.report.frame import COLUMNS
from benchmarks.report.loading import load
from benchmarks.report.names import METRICS

__all__ = ["COLUMNS", "METRICS", "Report", "build", "load"]
