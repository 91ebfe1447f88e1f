"""The report: one HTML file that needs nothing else, whose pictures answer whether to publish a draft."""

from gateway.insight.report.page import report

__all__ = ["report"]
