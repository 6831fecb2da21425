"""The chat widget measured: worst frame while a long answer streams, and what the page downloads.

    python bench/widget.py [--tokens 10000] [--seconds 10,0.5] [--rounds 3]

A scripted kernel feeds the real chat in a headless Chromium, in batches of a thirtieth of a second,
each parsed anew as a comm message is. A frame's time is the gap between two animation frames. What
else runs on the machine only adds to it, so the round with the least worst frame is quoted first,
the spread over rounds after it, and beside them what a page at rest shows at the same time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
FRONT_END = ROOT / "labextension"
STATIC = ROOT / "agentscope_runtime_nb" / "widgets" / "static"
KINDS = {
    "prose": "paragraphs",
    "line": "one line without a space",
    "code": "one block of code",
    "list": "one list",
    "table": "one table",
}
BUDGET = 100  # ms, the worst frame
SIZES = {
    ("loader",): (10_000, 10_000),
    ("chat", "parsers"): (200_000, 70_000),  # the parsers come with every chat that has an answer
    ("highlighter",): (40_000, 14_000),
    ("zh",): (12_000, 6_000),
    ("css",): (36_000, 8_000),
}
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a log line each."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def measure(page: Page, kind: str, tokens: int, seconds: float) -> dict[str, Any]:
    """One answer of a kind, streamed into a fresh chat."""
    page.reload()
    page.wait_for_selector(".asnb-card")
    return page.evaluate(f"harness.stream(harness.model, '{kind}', {tokens}, {seconds})")


def at_rest(page: Page) -> int:
    """The worst gap between frames while the page does nothing for two seconds."""
    return page.evaluate(
        """() => new Promise(done => {
            let last = performance.now(), worst = 0;
            const until = last + 2000;
            const tick = now => {
                worst = Math.max(worst, now - last);
                last = now;
                if (now < until) requestAnimationFrame(tick); else done(Math.round(worst));
            };
            requestAnimationFrame(tick);
        })"""
    )


def frames(tokens: int, paces: list[float], rounds: int) -> bool:
    """Print the frames of all kinds; true when all are within the budget."""
    with tempfile.TemporaryDirectory() as folder:  # a copy: a build meanwhile changes nothing
        shutil.copytree(FRONT_END / "lib" / "harness", folder, dirs_exist_ok=True)
        return frames_of(folder, tokens, paces, rounds)


def frames_of(folder: str, tokens: int, paces: list[float], rounds: int) -> bool:
    """As `frames`, of a built harness page."""
    good = True
    pages = partial(Quiet, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = shutil.which("chromium") or shutil.which("google-chrome")
    print(f"| {tokens} tokens | in | worst frame, ms | over rounds | 95th percentile, ms |")
    print("| --- | --: | --: | --: | --: |")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=ARGS)
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html?scene=empty&theme=lab-light")
        for seconds in paces:
            for kind, what in KINDS.items():
                runs = [measure(page, kind, tokens, seconds) for _ in range(rounds)]
                worst = sorted(run["worst"] for run in runs)
                p95 = min(run["p95"] for run in runs)
                good = good and worst[0] <= BUDGET
                cells = f"{what} | {seconds:g} s | {worst[0]} | {worst[0]}–{worst[-1]} | {p95}"
                print(f"| {cells} |", flush=True)
            rest = sorted(at_rest(page) for _ in range(rounds))
            print(f"| (nothing: a page at rest) | 2 s | {rest[0]} | {rest[0]}–{rest[-1]} | |")
        browser.close()
    server.shutdown()
    return good


def sizes() -> bool:
    """Print the bundles' sizes; true when all are within the budget."""
    manifest = json.loads((STATIC / "manifest.json").read_text(encoding="utf-8"))
    good = True
    print("\n| bundle | minified | gzipped | limits |\n| --- | --: | --: | --: |")
    for names, (minified, gzipped) in SIZES.items():
        files = [STATIC / (manifest.get(name) or manifest["assets"][name]) for name in names]
        size = sum(file.stat().st_size for file in files)
        packed = sum(len(gzip.compress(file.read_bytes())) for file in files)
        good = good and size <= minified and packed <= gzipped
        print(f"| {', '.join(names)} | {size} | {packed} | {minified} / {gzipped} |")
    return good


def main() -> None:
    """Measure and judge; only what cannot be measured is a failure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--seconds", default="10,0.5", help="how long the answers take")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is needed to build the harness page")
    subprocess.run([npm, "run", "--silent", "harness"], cwd=FRONT_END, check=True)
    paces = [float(seconds) for seconds in options.seconds.split(",")]
    good = frames(options.tokens, paces, options.rounds)
    small = sizes()
    print(f"\nworst frame ≤ {BUDGET} ms: {'yes' if good else '**no**'}; ", end="")
    print(f"bundles within their sizes: {'yes' if small else '**no**'}")


if __name__ == "__main__":
    main()
