"""Pictures of the chat's scenes, light and dark, without a kernel: to be looked at.

npm run harness && python harness/shots.py OUT [scene …]
"""

from __future__ import annotations

import base64
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

PAGES = Path(__file__).parents[1] / "lib" / "harness"
SCENES = (
    "empty",
    "streaming",
    "answer",
    "tool",
    "tool-open",
    "running",
    "thinking",
    "thought-open",
    "stopped",
    "stopping",
    "error",
    "gone",
    "hostile",
    "notices",
    "media",
    "talk",
    "approval",
    "approvals",
    "approval-decided",
    "approval-gone",
    "nested",
    "nested-open",
    "nested-running",
    "rich",
    "gauge",
    "starters",
    "attached",
    "sessions-panel",
    "composer-files",
    "commands",
    "settings",
    "editing",
    "feedback",
)
# Scenes that begin as another one does.
BEGINNINGS = {"thought-open": "thinking"} | dict.fromkeys(
    ("sessions-panel", "composer-files", "commands", "settings", "editing", "feedback"), "sessions"
)
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mP8z8BQz0AEYBxVSF+FABJADveWkH6oAAAA"
    "AElFTkSuQmCC"
)
HUGE = ("huge.bin", "", b"x" * 8_000_000)
CHROMIUM = "/usr/bin/chromium"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def opened(page: Page, scene: str) -> None:
    """Open what the scene is about."""
    if scene.endswith("-open"):
        page.locator("summary").nth(1 if scene == "tool-open" else 0).click()
    elif scene == "sessions-panel":
        page.get_by_label("Sessions", exact=True).click()
        page.locator(".asnb-session").nth(1).hover()
    elif scene == "composer-files":
        with page.expect_file_chooser() as chooser:
            page.get_by_label("Attach files").click()
        files = (("dot.png", "image/png", DOT), ("prices.csv", "text/csv", b"a,b\n" * 900))
        chosen = [{"name": n, "mimeType": m, "buffer": b} for n, m, b in (*files, HUGE)]
        chooser.value.set_files(chosen)
    elif scene == "commands":
        page.locator("textarea").fill("/")
    elif scene == "settings":
        page.get_by_label("Settings of this chat").click()
    elif scene == "editing":
        page.get_by_label("Edit message").first.click()
    elif scene == "feedback":
        page.get_by_label("Bad answer").last.click()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a log line each."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def serve() -> ThreadingHTTPServer:
    """The harness on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(PAGES)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    """Take all pictures."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    server = serve()
    root = f"http://127.0.0.1:{server.server_port}/index.html"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        for theme in ("lab-light", "lab-dark"):
            page = browser.new_page(viewport={"width": 840, "height": 400})
            page.on("pageerror", lambda error: print("page error:", error))
            for scene in sys.argv[2:] or SCENES:
                name = BEGINNINGS.get(scene, scene.removesuffix("-open"))
                page.goto(f"{root}?scene={name}&theme={theme}&tall")
                page.wait_for_timeout(350)
                opened(page, scene)
                page.wait_for_timeout(150)
                page.screenshot(full_page=True, path=out / f"{scene}-{theme}.png")
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
