"""From records to what people read: tables, figures, statistics, claims, a summary in plain words and a page."""

from benchmarks.report.build import Report, build
from benchmarks.report.data.frame import COLUMNS
from benchmarks.report.data.loading import load
from benchmarks.report.data.names import METRICS

__all__ = ["COLUMNS", "METRICS", "Report", "build", "load"]
