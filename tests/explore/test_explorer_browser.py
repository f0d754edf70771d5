"""The page in a browser: it is quiet, follows what is moved, and shows labels as text."""

import json
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


def in_sight(page, selector):
    return ask(
        page,
        f"(r => r.top >= 0 && r.bottom <= innerHeight && r.height > 0)"
        f"(document.querySelector({selector!r}).getBoundingClientRect())",
    )


def test_verdict_and_controls_stay_in_sight(chromium, explorer):
    for width, controls in ((1200, True), (360, False)):
        page = opened(chromium, explorer, width)
        ask(page, "scrollTo(0, document.body.scrollHeight)")
        until(page, "scrollY > 300")
        assert in_sight(page, "#verdict")
        assert in_sight(page, "#priors input[type=range]") is controls
        assert ask(page, "document.querySelector('header').offsetHeight") < 110
        assert ask(page, "document.getElementById('verdict').textContent") == "The draws can be trusted."
        assert "R-hat" in ask(page, "document.getElementById('reasons').textContent")


@pytest.mark.parametrize("width", [360, 800, 1200])
def test_letters_are_no_smaller_than_they_should_be(chromium, explorer, width):
    page = opened(chromium, explorer, width)
    sizes = (
        "[...document.querySelectorAll('svg text')].map(t => [t, t.ownerSVGElement]).map(([t, svg]) => "
        "parseFloat(getComputedStyle(t).fontSize) * svg.clientWidth / svg.viewBox.baseVal.width)"
    )
    smallest = ask(page, f"Math.min(...{sizes})")
    assert smallest > 11
    panels = "[...document.querySelectorAll('#densities svg')].map(s => s.querySelectorAll('text').length)"
    assert ask(page, f"Math.min(...{panels})") >= 2


def test_pictures_fit_a_window_that_is_made_smaller(chromium, explorer):
    page = opened(chromium, explorer, 1200)
    size = {"width": 400, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.call("Emulation.setDeviceMetricsOverride", **size)
    until(page, "document.querySelector('#levels svg').viewBox.baseVal.width < 400")
    assert ask(page, "document.documentElement.scrollWidth") <= 400


def test_all_controls_are_reached_by_tab(chromium, explorer):
    page = opened(chromium, explorer)
    ask(page, "document.activeElement.blur(); scrollTo(0, 0)")
    reached = []
    for _ in range(16):
        for kind in ("rawKeyDown", "keyUp"):
            page.call("Input.dispatchKeyEvent", type=kind, key="Tab", windowsVirtualKeyCode=9)
        reached.append(ask(page, "document.activeElement.id || document.activeElement.name || ''"))
        if reached[-1] not in ("", "code"):
            outline = ask(page, "getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", reached
    kept = [name for name in reached if name]
    order = ["pooling", "coordinates", "written", "script", "replay", "find", "ranked"]
    assert [name for name in kept if name in order] == order


def test_the_funnel_is_replayed_where_coordinates_are_switched(chromium, explorer):
    page = opened(chromium, explorer)
    ask(
        page,
        "(c => { c.value = 'noncentered'; c.dispatchEvent(new Event('change')); })"
        "(document.getElementById('coordinates'))",
    )
    until(page, "Boolean(document.querySelector('#funnel circle[visibility=hidden]'))")
    until(page, f"!document.querySelector('#funnel circle[visibility=hidden]') && {JUDGED}")


def test_what_was_changed_is_written_for_paper(chromium, explorer):
    page = opened(chromium, explorer)
    ask(page, "document.querySelector('input[value=none]').click()")
    until(page, f"document.getElementById('changed').textContent.includes('pooling none') && {JUDGED}")
    page.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert ask(page, "getComputedStyle(document.querySelector('form')).display") == "none"
        assert ask(page, "document.getElementById('changed').offsetHeight") > 0
    finally:
        page.call("Emulation.setEmulatedMedia", media="")


def test_no_interval_leaves_its_picture(chromium):
    """Levels without estimates alone, whose intervals are wider than the estimates are apart."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"y": rng.normal(size=24), "g": np.arange(24) % 6, "h": np.arange(24) % 5})
    fit = sl.Model("y ~ 1 + (1 | mm(g, h))", data).fit(seed=1, draws=200, progress=False)
    explorer = fit.explore(block=False, browser=False)
    page = opened(chromium, explorer)
    bands = "[...document.querySelectorAll('#levels line[stroke-width=\"4\"]')]"
    ends = ask(page, f"JSON.stringify({bands}.flatMap(l => [+l.getAttribute('y1'), +l.getAttribute('y2')]))")
    height = ask(page, "document.querySelector('#levels svg').viewBox.baseVal.height")
    ends = json.loads(ends)
    assert len(ends) == 12 and 0 <= min(ends) < max(ends) <= height - 30
    explorer.close()
