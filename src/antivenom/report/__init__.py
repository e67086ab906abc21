"""The report: one HTML file from a finished run, without script and without network. It computes nothing."""

from antivenom.report.html import write_report

__all__ = ["write_report"]
