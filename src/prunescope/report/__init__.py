"""How are a study's numbers and pictures shown?"""

from prunescope.base.hooks import register

register(
    text="prunescope.report.views:as_text",
    html="prunescope.report.views:as_html",
    save_comparison="prunescope.report.comparison:save_comparison",
)
