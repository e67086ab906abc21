"""The report: one HTML file about a finished run. It has no script, needs no network, and computes nothing."""

from antivenom.report.html import write_report

__all__ = ["write_report"]
