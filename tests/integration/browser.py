"""Chromium without a window, asked what a reader would see: through Selenium, of files alone."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

# Debian's names, and those of others.
CHROMIUM, DRIVER = ("chromium", "chromium-browser", "google-chrome"), ("chromedriver",)
# None of them changes how a page is drawn; the browser itself asks nobody for anything.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars"),
)
# A4 within margins of 1 cm, at 96 px an inch.
PAPER_PX = (718, 1047)

# Text and what it stands on: the nearest ancestor that is not transparent.
TEXTS = """
const shown = [], clear = c => c === 'transparent' || /, 0\\)$/.test(c);
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const text = walk.currentNode.textContent.trim(), holder = walk.currentNode.parentElement;
  if (!text || !holder.checkVisibility({checkVisibilityCSS: true})) continue;
  const style = getComputedStyle(holder), inSvg = holder instanceof SVGElement;
  let under = holder;
  while (under && clear(getComputedStyle(under).backgroundColor)) under = under.parentElement;
  shown.push([text.slice(0, 40), inSvg ? style.fill : style.color,
              under ? getComputedStyle(under).backgroundColor : 'rgb(255, 255, 255)']);
}
return shown;
"""
# What is wider than its place: a figure, a table, a word that cannot be broken.
TOO_WIDE = """
return [...document.querySelectorAll('body *')].filter(each => {
  const box = each.getBoundingClientRect();
  return box.width && box.right > arguments[0] + 1;
}).slice(0, 5).map(each => `${each.tagName} ${each.className} ${each.textContent.slice(0, 40)}`);
"""
# Of radio buttons that belong together the tabulator stops at the one that is chosen.
FOCUSABLE = (
    "return document.querySelectorAll('a[href], summary, input:checked, [tabindex]').length;"
)
# Names of the checks, by their place on the screen.
CHECKS = """
const table = document.querySelector('[name=Server-checks]').closest('details');
table.open = true;
return [...table.querySelectorAll('tbody tr')].map(
  each => [each.getBoundingClientRect().top, each.cells[0].textContent]
).sort((a, b) => a[0] - b[0]).map(each => each[1]);
"""
FOCUSED = """
const each = document.activeElement, seen = (window.seen ||= new Set());
if (each === document.body) return [seen.size, null, false];
const fresh = !seen.has(each);
seen.add(each);
const closed = each.tagName === 'SUMMARY' && !each.parentElement.open;
return [seen.size, getComputedStyle(each).outlineStyle, fresh && closed];
"""


@dataclass(frozen=True)
class Reader:
    """One browser, and what it says of the page that is open."""

    driver: Chrome

    def open(self, page: Path) -> None:
        """As a wide bright screen shows it; what was logged before is forgotten."""
        self.screen(1400)
        self.media(dark=False)
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.driver.get(page.as_uri())

    def screen(self, width: int, height: int = 900) -> None:
        """A screen so wide, in px."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def media(self, *, dark: bool, printed: bool = False) -> None:
        """What the reader prefers, and whether it is paper."""
        asked = {
            "media": "print" if printed else "",
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        }
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", asked)

    def ask(self, script: str, *arguments: object) -> Any:
        """What JavaScript of ours finds in the page; the page has none itself."""
        return self.driver.execute_script(script, *arguments)

    def errors(self) -> list[str]:
        """What the console has of the page."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> set[str]:
        """Every address that was asked for since the page was opened."""
        sent = (json.loads(entry["message"])["message"] for entry in
                self.driver.get_log("performance"))  # fmt: skip
        return {
            message["params"]["request"]["url"]
            for message in sent
            if message["method"] == "Network.requestWillBeSent"
        }

    def width(self) -> int:
        """How far the page can be scrolled sideways, with what is seen of it; px."""
        found: int = self.ask("return document.documentElement.scrollWidth;")
        return found

    def tab(self) -> None:
        """The key."""
        from selenium.webdriver import ActionChains, Keys

        ActionChains(self.driver).send_keys(Keys.TAB).perform()

    def right(self) -> None:
        """The arrow."""
        from selenium.webdriver import ActionChains, Keys

        ActionChains(self.driver).send_keys(Keys.ARROW_RIGHT).perform()

    def enter(self) -> None:
        """The key."""
        from selenium.webdriver import ActionChains, Keys

        ActionChains(self.driver).send_keys(Keys.ENTER).perform()

    def printed(self) -> bytes:
        """The page as a tagged PDF on A4."""
        asked = {"paperWidth": 8.27, "paperHeight": 11.69, "generateTaggedPDF": True}
        found = self.driver.execute_cdp_cmd("Page.printToPDF", asked)
        return base64.b64decode(found["data"])


def missing() -> str | None:
    """What is not on this machine; None: nothing."""
    if not _found(CHROMIUM):
        return "no Chromium here: apt-get install -y chromium chromium-driver"
    return None if _found(DRIVER) else "no chromedriver here: apt-get install -y chromium-driver"


def _found(names: tuple[str, ...]) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def browsing(profile: Path) -> Iterator[Reader]:
    """A browser of its own; gone at the end.

    Args:
        profile: an empty folder for what it writes.
    """
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = str(_found(CHROMIUM))
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=ChromeService(_found(DRIVER)))
    try:
        yield Reader(driver)
    finally:
        driver.quit()


def sheets(pdf: bytes) -> int:
    """Pages of a PDF, as Chromium writes it."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def sheets_of_figures(pdf: bytes) -> list[set[bytes]]:
    """For each figure of a tagged PDF the pages that it is on, as Chromium writes it."""
    elements = dict(re.findall(rb"(\d+) 0 obj\n<<(/Type /StructElem.*?)endobj", pdf, re.DOTALL))

    def on(element: bytes) -> set[bytes]:
        _, _, inside = element.partition(b"\n/K ")
        found = set(re.findall(rb"/Pg (\d+) 0 R", element))
        for each in re.findall(rb"(?<!/Pg )\b(\d+) 0 R", inside):
            found |= on(elements.get(each, b""))
        return found

    return [on(each) for each in elements.values() if b"/S /Figure" in each]


def contrast(color: str, ground: str) -> float:
    """WCAG 2.2's contrast ratio of two computed colours, 1 to 21."""
    lighter, darker = sorted((_luminance(color), _luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2, "relative luminance") of `rgb(r, g, b)`."""
    channels = [int(each) / 255 for each in re.findall(r"\d+", color)[:3]]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
