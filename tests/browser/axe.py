"""Accessibility of a page that is open in Chromium, by axe-core: WCAG 2.2 AA with the size of targets, and its best practices."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

SCRIPT = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """What axe objects to, one line for each rule with the elements; empty when all is well."""
    page.evaluate(SCRIPT)
    found = page.evaluate("axe.run(document, {rules: {'target-size': {enabled: true}}})")["violations"]
    return [f"{rule['id']}: {rule['help']}: {', '.join(node['html'][:120] for node in rule['nodes'])}" for rule in found]
