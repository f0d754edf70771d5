"""Pages in a browser: nothing is fetched, nothing complained of, nothing cut off; mathematics is typeset."""

import re

import pytest

from report import browser
from report.cases import ODD, written
from report.reading import Reader

pytestmark = pytest.mark.skipif(
    browser.find() is None,
    reason=f"no browser: set SHOAL_BROWSER, or install one of {', '.join(browser.NAMES)}",
)
WIDTHS = (360, 1200)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser.running(browser.find(), tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module", params=["odd", pytest.param("two responses", marks=pytest.mark.slow)])
def path(request, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(written(request.param), encoding="utf-8")
    return file


@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_is_quiet_and_fits(chromium, path, width):
    seen = chromium.open(path, width)
    assert seen["asked"] == [] and seen["complaints"] == []
    assert seen["inner"] == width and seen["wide"] <= width
    assert seen["links"] == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_mathematics_and_pictures_are_seen(chromium, path, width):
    seen, read = chromium.open(path, width), Reader(path.read_text(encoding="utf-8"))
    assert len(seen["math"]) == len(read.named("math")) and min(seen["math"]) > 5
    assert len(seen["svg"]) == len(read.named("svg")) and min(seen["svg"]) > 80


def test_labels_are_read_as_they_are(chromium, tmp_path):
    (tmp_path / "page.html").write_text(written("odd"), encoding="utf-8")
    seen = chromium.open(tmp_path / "page.html", 1200)
    for label in ODD:
        assert label in seen["text"]


def test_the_measurements_can_fail(chromium, tmp_path):
    """A page with everything wrong that the tests above look for."""
    path = tmp_path / "page.html"
    path.write_text(
        "<!DOCTYPE html><html><body><nav><a href='#nowhere'>x</a></nav><math></math>"
        "<div style='width: 2000px'>wide</div><img src='http://localhost:9/a.png'>"
        "<script>console.error('no'); absent()</script></body></html>"
    )
    seen = chromium.open(path, 360)
    assert seen["asked"] == ["http://localhost:9/a.png"]
    assert re.search("absent is not defined", "".join(seen["complaints"])) and len(seen["complaints"]) >= 2
    assert seen["wide"] > 2000 and seen["links"] == 1 and seen["math"] == [0]
