"""The report: one HTML file about a finished run. It has no script, needs no network, and computes nothing.

`write_interactive` writes a second page for a sweep, with a script that sorts and filters its table.
"""

from antivenom.report.html import write_report
from antivenom.report.interactive import write_interactive

__all__ = ["write_interactive", "write_report"]
