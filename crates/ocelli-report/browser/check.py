"""Opens a page that `ocelli report` wrote in headless Chromium, uses it as a person would, and fails
on anything that a person would stumble over.

    cargo run -- train recipes/demo.toml
    cargo run -- report runs/demo --grad-cam 8
    python3 crates/ocelli-report/browser/check.py runs/demo/report.html --out /tmp/screenshots

Needs Chromium or Chrome, and nothing beside Python's own library: it speaks to the browser over a pipe.
Screenshots of the whole page, wide and narrow, light and dark, go to the folder of --out, and so does
the page as it is printed: look at them.
"""

import argparse
import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = {"desktop": (1280, 900, False), "phone": (390, 844, True)}
PATIENCE = 60


class Browser:
    """Chromium on a pipe: https://chromedevtools.github.io/devtools-protocol/"""

    def __init__(self, program, profile):
        # The browser reads commands from descriptor 3 and writes to 4.
        ends = [*os.pipe(), *os.pipe()]
        # Away from 3 and 4, which the shell is about to take.
        reads, self.to_browser, self.from_browser, writes = (
            fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in ends
        )
        for end in ends:
            os.close(end)
        options = [
            "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
            f"--user-data-dir={profile}", "--remote-debugging-pipe", "--no-first-run", "about:blank",
        ]
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{reads} 4>&{writes}', "browser", program, *options],
            pass_fds=(reads, writes), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )
        os.close(reads)
        os.close(writes)
        self.buffer = b""
        self.number = 0
        self.events = []
        self.session = None

    def receive(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.from_browser, 1 << 16)
            if not piece:
                raise SystemExit("the browser is gone")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE:
            for place, event in enumerate(self.events):
                if event.get("method") == method:
                    return self.events.pop(place)
            self.events.append(self.receive())
        raise SystemExit(f"the browser never said {method}")

    def run(self, script):
        """The value of a script in the page."""
        result = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def click(self, x, y, touch):
        if touch:
            self.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
            self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
            return
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, text=key if len(key) == 1 else "")

    def end(self):
        self.session = None
        self.send("Browser.close")
        self.process.wait(timeout=PATIENCE)


class Findings:
    def __init__(self):
        self.wrong = []

    def expect(self, holds, words):
        print(f"  {'ok   ' if holds else 'WRONG'} {words}")
        if not holds:
            self.wrong.append(words)


# What can be asked of a page without touching it. Each gives a list of what is wrong.
RULES = {
    "every picture has a text that says what it shows":
        "[...document.images].filter(i => !i.alt.trim() || !i.complete || !i.naturalWidth).map(i => i.outerHTML.slice(0, 90))",
    "every drawing is named":
        "[...document.querySelectorAll('main svg')].filter(s => !s.closest('[aria-hidden]') && s.getAttribute('aria-hidden') !== 'true' && !(s.getAttribute('aria-label') || '').trim()).map(s => s.outerHTML.slice(0, 90))",
    "every button and field is named":
        "[...document.querySelectorAll('button, input, canvas')].filter(b => !(b.textContent.trim() || b.getAttribute('aria-label') || (b.labels && b.labels.length))).map(b => b.outerHTML.slice(0, 90))",
    "no two elements share an id":
        "[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, at, all) => all.indexOf(id) !== at)",
    "links within the page lead somewhere":
        "[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.getElementById(a.hash.slice(1))).map(a => a.hash)",
    "headings skip no level":
        "[...document.querySelectorAll('h1, h2, h3, h4')].map(h => Number(h.tagName[1])).flatMap((level, at, all) => level - (all[at - 1] ?? 0) > 1 ? ['h' + level] : [])",
    "nothing is wider than the window":
        "document.documentElement.scrollWidth > innerWidth ? [document.documentElement.scrollWidth + ' > ' + innerWidth, ...[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.wide, .tall, pre, nav')).slice(0, 5).map(e => e.outerHTML.slice(0, 90))] : []",
    "what scrolls by itself can be reached by keyboard":
        "[...document.querySelectorAll('.wide, .tall, pre')].filter(e => (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1) && e.tabIndex < 0).map(e => e.outerHTML.slice(0, 90))",
    "text stands out from its background (4.5 to 1)": """(() => {
        const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
        const light = (colour) => {
            canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
            return .2126 * r + .7152 * g + .0722 * b;
        };
        const back = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$|transparent|\\/ 0/.test(c) && !/color\\(srgb.*\\//.test(c)) return c; } return 'white'; };
        const seen = new Map();
        for (const e of document.querySelectorAll('p, dt, dd, li, th, td, a, button, small, figcaption, h1, h2, h3, label, span, pre')) {
            if (!e.textContent.trim() || !e.offsetParent) continue;
            const [ink, paper] = [getComputedStyle(e).color, back(e)];
            const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
            if ((a + .05) / (b + .05) < 4.5) seen.set(ink + ' on ' + paper, e.outerHTML.slice(0, 90));
        }
        return [...seen].map(pair => pair.join(': '));
    })()""",
}


def trouble(browser):
    """What the page complained about, or asked the network for, since the last time."""
    found = []
    for event in browser.events:
        method, content = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            found.append(content["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif method == "Runtime.consoleAPICalled" and content["type"] in ("error", "warning", "assert"):
            found.append(" ".join(str(value.get("value")) for value in content["args"]))
        elif method == "Log.entryAdded" and content["entry"]["level"] in ("error", "warning"):
            found.append(content["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            address = content["request"]["url"]
            if not address.startswith(("data:", "file:")):
                found.append(f"asks for {address}")
    browser.events.clear()
    return found


def use_scatter(browser, findings, touch):
    """Chooses points by pointer and by keyboard, and presses everything that can be pressed."""
    browser.run("document.getElementById('scatter').scrollIntoView({block: 'center', behavior: 'instant'})")
    place = browser.run("(() => { const r = document.getElementById('scatter').getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()")
    chosen = "document.querySelector('#detail dl')?.textContent ?? ''"
    x, y, width, height = place
    found, pictured = set(), False
    for row in range(2, 11):
        for column in range(2, 11):
            browser.click(x + width * column / 12, y + height * row / 12, touch)
            found.add(browser.run(chosen))
            pictured = pictured or browser.run(
                "document.querySelector('#detail img')?.decode().then(() => true, () => false) ?? false"
            )
    found.discard("")
    findings.expect(len(found) > 1, f"points are chosen by {'touch' if touch else 'mouse'} ({len(found)} of them)")
    findings.expect(pictured, "a chosen point shows its picture")
    browser.run("document.getElementById('scatter').focus()")
    browser.press("Escape")
    findings.expect(browser.run(chosen) == "", "Escape lets go of the point")
    moved = set()
    for key in ["ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"]:
        browser.press(key)
        moved.add(browser.run(chosen))
    findings.expect(len(moved - {""}) > 1, f"arrow keys go from point to point ({len(moved)} of them)")
    notes = set()
    for epoch in range(browser.run("document.querySelectorAll('#epoch button').length")):
        browser.run(f"document.querySelectorAll('#epoch button')[{epoch}].click()")
        for method in range(browser.run("document.querySelectorAll('#method button').length")):
            browser.run(f"document.querySelectorAll('#method button')[{method}].click()")
            notes.add(browser.run("document.getElementById('numbers').textContent"))
    findings.expect(all(notes) and len(notes) > 1, f"each projection and epoch has its numbers ({len(notes)})")
    shown = "document.querySelectorAll('#legend button[aria-pressed=true]').length"
    before = browser.run(shown)
    browser.run("document.querySelector('#legend button').click()")
    findings.expect(browser.run(shown) == 1, "a class can be shown alone")
    browser.run("document.getElementById('everything').click()")
    findings.expect(browser.run(shown) == before, "and all again")
    for control in ["zoom-in", "zoom-in", "zoom-out", "zoom-all", "wrong", "wrong"]:
        browser.run(f"document.getElementById('{control}').click()")


def sort_tables(browser, findings):
    order = "[...document.querySelectorAll('table.sortable')].map(t => [...t.querySelectorAll('thead button')].map(b => { b.click(); return b.parentElement.getAttribute('aria-sort'); }))"
    results = [sort for table in browser.run(order) for sort in table]
    if results:
        findings.expect(None not in results, f"tables are sorted by each of {len(results)} columns")


def screenshot(browser, path, width, height):
    browser.run("window.scrollTo({top: 0, behavior: 'instant'}); document.activeElement.blur()")
    full = browser.run("document.documentElement.scrollHeight")
    shot = browser.send("Page.captureScreenshot", captureBeyondViewport=True,
                        clip={"x": 0, "y": 0, "width": width, "height": min(full, 12000), "scale": 1})
    path.write_bytes(base64.b64decode(shot["data"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--out", type=Path, help="a folder for screenshots and the printed page")
    parser.add_argument("--chromium", default=None, help="the browser's program")
    arguments = parser.parse_args()
    names = ["chromium", "chromium-browser", "google-chrome"]
    program = arguments.chromium or next(filter(None, map(shutil.which, names)), None)
    if not program:
        raise SystemExit(f"found none of {', '.join(names)}; name the browser with --chromium")
    if not arguments.page.is_file():
        raise SystemExit(f"{arguments.page}: there is no such page")
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
    address = arguments.page.resolve().as_uri()
    findings = Findings()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        target = browser.send("Target.createTarget", url="about:blank")["targetId"]
        browser.session = browser.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            browser.send(f"{domain}.enable")
        for size, (width, height, touch) in SIZES.items():
            browser.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                         deviceScaleFactor=1, mobile=touch)
            browser.send("Emulation.setTouchEmulationEnabled", enabled=touch)
            for theme in ("light", "dark"):
                print(f"{size}, {theme}")
                scheme = [{"name": "prefers-color-scheme", "value": theme}]
                browser.send("Emulation.setEmulatedMedia", media="", features=scheme)
                browser.send("Page.navigate", url=address)
                browser.wait("Page.loadEventFired")
                browser.run("Promise.all([...document.images].map(i => i.decode().catch(() => 0))).then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))")
                for words, rule in RULES.items():
                    wrong = browser.run(rule)
                    findings.expect(not wrong, words + (f": {wrong[:4]}" if wrong else ""))
                if arguments.out:
                    screenshot(browser, arguments.out / f"{size}-{theme}.png", width, height)
                sort_tables(browser, findings)
                if browser.run("Boolean(document.getElementById('scatter'))"):
                    use_scatter(browser, findings, touch)
                complaints = trouble(browser)
                findings.expect(not complaints, f"the console is silent, the network unused{': ' if complaints else ''}{complaints or ''}")
        browser.send("Emulation.setEmulatedMedia", media="print", features=[])
        hidden = "['nav', '.controls', '#search'].filter(s => document.querySelector(s)?.offsetParent)"
        findings.expect(not browser.run(hidden), "what can only be pressed is not printed")
        browser.send("Emulation.setEmulatedMedia", media="", features=[])
        printed = base64.b64decode(browser.send("Page.printToPDF", printBackground=False)["data"])
        findings.expect(printed.startswith(b"%PDF"), f"the page can be printed ({len(printed) // 1024} KiB)")
        if arguments.out:
            (arguments.out / "printed.pdf").write_bytes(printed)
        browser.end()
    if findings.wrong:
        sys.exit(f"{len(findings.wrong)} things are wrong")
    print("all is well")


if __name__ == "__main__":
    main()
