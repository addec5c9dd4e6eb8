"""How the site is built: from the package, and nothing from the network."""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import jwtguard
from jwtguard.options import SETTINGS
from jwtguard.reasons import REASONS

project = "jwtguard"
author = "the jwtguard contributors"
copyright = "2026, the jwtguard contributors"
release = jwtguard.__version__
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 72
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
copybutton_line_continuation_character = "\\"

html_theme = "furo"
html_title = f"jwtguard {release}"
html_static_path = ["_static"]
html_css_files = ["jwtguard.css"]
html_js_files = [("tables.js", {"defer": "defer"})]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "github-dark"

HIDDEN = re.compile(r"<!-- run\n.*?-->\n", re.DOTALL)
"""Code that tests/docs runs with a page, and that no reader needs to see."""


class Diagram(Directive):
    """A drawing from ``_static``, inlined so that it follows the theme's colours."""

    required_arguments = 1
    option_spec = {"alt": directives.unchanged_required}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        drawing = Path(__file__).parent / "_static" / self.arguments[0]
        drawn = drawing.read_text("utf-8")
        # jwtguard.css shows one of the two.
        narrow = drawing.with_stem(f"{drawing.stem}-phone")
        if narrow.exists():
            drawn += narrow.read_text("utf-8")
        figure = f'<figure class="diagram">{drawn}</figure>'
        return [nodes.raw("", figure, format="html")]


class Settings(SphinxDirective):
    """The named rows of the settings table, made from the code."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        rows = [_row("variable", "value", "meaning", "default"), _row(*["---"] * 4)]
        for name in " ".join(self.content).split():
            setting = BY_NAME[name]
            default = setting.default
            if default not in PROSE and " " not in default:
                default = f"`{default}`"
            cells = (f"`{setting.variable}`", setting.kind, setting.meaning, default)
            rows.append(_row(*cells))
        holder = nodes.container(classes=["wide"])
        self.state.nested_parse(StringList(rows, "settings"), 0, holder)
        return [holder]


PROSE = ("required", "unset", "empty", "discovered")
BY_NAME = {setting.name: setting for setting in SETTINGS}


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _strip(_app: Sphinx, _name: str, source: list[str]) -> None:
    source[0] = HIDDEN.sub("", source[0])


def _anchor_reasons(_app: Sphinx, doctree: nodes.document) -> None:
    """Give each reason in the first column of a table an anchor of its name."""
    for row in doctree.findall(nodes.row):
        first = next(iter(row.findall(nodes.literal)), None)
        if first is not None and first.astext() in REASONS:
            first["ids"].append(first.astext())


def setup(app: Sphinx) -> None:
    app.add_directive("diagram", Diagram)
    app.add_directive("settings", Settings)
    app.connect("source-read", _strip)
    app.connect("doctree-read", _anchor_reasons)
