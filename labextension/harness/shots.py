"""Pictures of the chat's scenes, light and dark, without a kernel: to be looked at.

npm run harness && python harness/shots.py OUT [scene …]
"""

from __future__ import annotations

import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

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
)
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
                name = "thinking" if scene == "thought-open" else scene.removesuffix("-open")
                page.goto(f"{root}?scene={name}&theme={theme}&tall")
                page.wait_for_timeout(350)
                if scene.endswith("-open"):
                    page.locator("summary").nth(1 if name == "tool" else 0).click()
                    page.wait_for_timeout(100)
                page.screenshot(full_page=True, path=out / f"{scene}-{theme}.png")
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
