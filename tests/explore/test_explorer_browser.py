"""The page in a browser: it is quiet, follows what is moved, and shows labels as text."""

import time
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from report import browser

pytestmark = pytest.mark.skipif(
    browser.find() is None,
    reason=f"no browser: set SHOAL_BROWSER, or install one of {', '.join(browser.NAMES)}",
)
LABELS = ["<b>bold</b>", "<img src=x onerror=document.title='hit'>", "a & b", '"quoted"', "$x^2$"]
JUDGED = "Boolean(document.getElementById('verdict')?.className) && !busy"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser.running(browser.find(), tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def explorer():
    rng = np.random.default_rng(1)
    g = np.arange(60) % 5
    y = rng.normal(size=5)[g] + rng.normal(size=60)
    data = pd.DataFrame({"y": y, "g": np.array(LABELS, dtype=object)[g]})
    explorer = (
        sl.Model("y ~ 1 + (1 | g)", data).fit(seed=1, progress=False).explore(block=False, browser=False)
    )
    yield explorer
    explorer.close()


def ask(page, expression):
    return page.call("Runtime.evaluate", expression=expression, awaitPromise=True)["result"].get("value")


def until(page, expression):
    end = time.monotonic() + 30
    while ask(page, expression) is not True:
        assert time.monotonic() < end, (expression, ask(page, "document.body.innerText"))
        time.sleep(0.05)


def opened(page, explorer, width=1200):
    page.events.clear()
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.call("Emulation.setDeviceMetricsOverride", **size)
    page.call("Page.navigate", url=explorer.address)
    until(page, JUDGED)
    return page


@pytest.mark.parametrize("width", [360, 1200])
def test_it_is_quiet_and_fits(chromium, explorer, width):
    page = opened(chromium, explorer, width)
    assert page._complaints() == []
    sent = [
        e["params"]["request"]["url"] for e in page.events if e.get("method") == "Network.requestWillBeSent"
    ]
    assert sent and {urlsplit(url).netloc for url in sent} == {urlsplit(explorer.address).netloc}
    assert ask(page, "document.documentElement.scrollWidth") <= width
    assert "can be trusted" in ask(page, "document.getElementById('verdict').textContent")


def test_labels_are_text(chromium, explorer):
    page = opened(chromium, explorer)
    text = ask(page, "document.getElementById('ranked').innerText")
    assert all(label in text for label in LABELS)
    assert "hit" not in ask(page, "document.title") and ask(page, "document.images.length") == 0
    ask(
        page,
        "document.getElementById('find').value = '<IMG'; "
        "document.getElementById('find').dispatchEvent(new Event('input'))",
    )
    assert ask(page, "document.querySelectorAll('#ranked tbody tr').length") == 1


def test_a_slider_follows_the_keyboard_and_the_fit_the_slider(chromium, explorer):
    page = opened(chromium, explorer)
    before = ask(
        page, "[...document.querySelectorAll('#levels circle')].map(c => c.getAttribute('cy')).join()"
    )
    ask(page, "document.querySelector('#priors input[type=range]').focus()")
    for kind in ("rawKeyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="End", windowsVirtualKeyCode=35)
    until(page, f"Object.keys(state.priors).length === 1 && !state.moving && {JUDGED}")
    after = ask(
        page, "[...document.querySelectorAll('#levels circle')].map(c => c.getAttribute('cy')).join()"
    )
    assert before != after and ask(page, "document.getElementById('problem').hidden")
    ask(page, "document.getElementById('script').click()")
    until(page, "!document.getElementById('code').hidden")
    assert "priors={" in ask(page, "document.getElementById('code').textContent")
    ask(page, "document.querySelector('input[value=none]').click()")
    until(page, f"state.pooling === 'none' && {JUDGED}")
    ask(page, "document.getElementById('written').click()")
    until(page, f"state.pooling === 'partial' && {JUDGED}")
    assert ask(page, "Object.keys(state.priors).length") == 0
    assert ask(page, "document.querySelector('input[value=partial]').checked") is True
    cy = "[...document.querySelectorAll('#levels circle')].map(c => c.getAttribute('cy')).join()"
    assert ask(page, cy) == before and page._complaints() == []


def test_pooling_and_coordinates_are_switched(chromium, explorer):
    page = opened(chromium, explorer)
    ask(page, "document.querySelector('input[value=complete]').click()")
    until(page, f"state.pooling === 'complete' && {JUDGED}")
    assert ask(page, "new Set(levels.pooled).size") == 1
    ask(page, "document.querySelector('input[value=partial]').click()")
    ask(
        page,
        "(c => { c.value = 'centered'; c.dispatchEvent(new Event('change')); })"
        "(document.getElementById('coordinates'))",
    )
    until(page, f"{JUDGED} && document.getElementById('run').textContent.includes('nuts')")


def test_what_cannot_be_fitted_is_said_and_the_page_goes_on(chromium, explorer):
    page = opened(chromium, explorer)
    ask(page, "state.priors = {nobody: {kind: 'Normal', mu: 0, sigma: 1}}; change(false)")
    until(page, "!busy && !document.getElementById('problem').hidden")
    assert "nobody" in ask(page, "document.getElementById('problem').textContent")
    ask(page, "state.priors = {}; change(false)")
    until(page, f"document.getElementById('problem').hidden && {JUDGED}")
