"""axe-core (https://github.com/dequelabs/axe-core), on the page that a browser shows."""

import json
import sys
from pathlib import Path

from browser import Browser

# The package brings the script; what else it has needs a browser of its own.
FOLDER = Path(__file__).parents[2] / ".cache/axe"
# axe would judge colors in the middle of a transition. Endless animations are not waited for.
AT_REST = """Promise.allSettled(
    document.getAnimations()
        .filter((animation) => Number.isFinite(animation.effect.getComputedTiming().endTime))
        .map((animation) => animation.finished)
).then((ended) => ended.length)"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def script() -> str:
    found = sorted(FOLDER.glob("lib/python*/site-packages/axe_playwright_python/axe.min.js"))
    if not found:
        sys.exit(f"axe-core is missing below {FOLDER}: `make setup-test` installs it")
    return found[0].read_text()


async def violations(page: Browser, within: str = "html") -> list[str]:
    """What violates WCAG 2.2 at level AA within an element: the rule, and the elements."""
    if not await page.value("'axe' in window"):
        await page.run(script())
    await page.value(AT_REST)
    options = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
    found = await page.value(f"axe.run({json.dumps(within)}, {options}).then((result) => result.violations)")
    return [f"{rule['id']}: {[(node['html'][:160], node['failureSummary'][:300]) for node in rule['nodes'][:4]]}" for rule in found]
