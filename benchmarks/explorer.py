"""From a slider's event to the new picture: the explorer in a headless browser, one model at a time.

Needs Chromium, on the path or named by SHOAL_BROWSER. While a slider moves, a fit has 4 chains of 250 draws.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "report"))

import browser
from _process import Table

import shoal as sl

EVENTS = 30
MUST = {"60 districts, 1,934 binary rows": 300, "8 schools": 150, "85 counties, 919 rows": 200}
# Moves the first slider and waits until the picture is there and painted.
MOVE = """
new Promise((done) => {
  const slider = document.querySelector("#priors input[type=range]"), before = document.body.dataset.drawn;
  const began = performance.now();
  slider.value = %d;
  slider.dispatchEvent(new Event("input"));
  const look = () => requestAnimationFrame(() =>
    document.body.dataset.drawn === before ? look() : done(performance.now() - began));
  look();
})
"""


def models():
    districts = sl.load_dataset("bangladesh")
    yield sl.Model("use_contraception ~ 1 + (1 | district)", districts, "bernoulli")
    yield sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))
    yield sl.Model("log_radon ~ floor + (1 | county)", sl.load_dataset("radon"))


def ask(page, expression):
    return page.call("Runtime.evaluate", expression=expression, awaitPromise=True)["result"].get("value")


def measured(page, model):
    """Return milliseconds of each event, and the worst effective size of the last fit."""
    explorer = model.fit(seed=1, progress=False).explore(block=False, browser=False)
    page.call("Page.navigate", url=explorer.address)
    while ask(page, "Boolean(document.body && document.getElementById('verdict')?.className)") is not True:
        time.sleep(0.1)
    times = [ask(page, MOVE % (350 + 10 * i)) for i in range(EVENTS + 2)][2:]  # the first ones load
    print(ask(page, "document.getElementById('run').textContent"), file=sys.stderr)
    explorer.close()
    return times


def main():
    executable = browser.find()
    if executable is None:
        sys.exit("There is no Chromium on the path, and SHOAL_BROWSER names none.")
    table = Table("case".ljust(32), "must, ms", "median", "slowest")
    with tempfile.TemporaryDirectory() as profile, browser.running(executable, profile) as page:
        size = {"width": 1200, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        page.call("Emulation.setDeviceMetricsOverride", **size)
        for (name, must), model in zip(MUST.items(), models(), strict=True):
            times = measured(page, model)
            table.row(name, must, float(statistics.median(times)), float(max(times)))
    print(json.dumps({"events": EVENTS}))


if __name__ == "__main__":
    main()
