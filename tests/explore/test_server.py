"""Who is answered: the page that holds the token, and nobody else; the end when it is closed."""

import http.client
import json
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest

import shoal as sl
from shoal.explore import Explorer, Session, server


@pytest.fixture(scope="module")
def explorer():
    model = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))
    explorer = Explorer(Session(model.specification, None, "...", 1))
    yield explorer
    explorer.close()


def parts(explorer):
    where = urlsplit(explorer.address)
    return where.netloc, parse_qs(where.query)["token"][0]


def ask(explorer, method="POST", path="/facts", body="{}", **headers):
    """Send a request as the page does, but for some headers (None: without it); return status and answer."""
    host, token = parts(explorer)
    usual = {
        "Host": host,
        "Origin": f"http://{host}",
        "X-Shoal-Token": token,
        "Content-Length": str(len(body)),
    }
    given = usual | {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in given.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body.encode())
    answer = connection.getresponse()
    found = answer.status, answer.read(), dict(answer.getheaders())
    connection.close()
    return found


def test_the_page_has_all_it_needs_and_may_load_nothing_else(explorer):
    host, token = parts(explorer)
    status, text, headers = ask(explorer, "GET", f"/?token={token}", Origin=None)
    assert status == 200 and "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store" and headers["Referrer-Policy"] == "no-referrer"
    assert b"http" not in text.replace(b"http://www.w3.org/2000/svg", b"")
    assert ask(explorer)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Shoal_Token": None},
        {"X_Shoal_Token": ""},
        {"X_Shoal_Token": "é".encode().decode("latin-1")},
        {"Host": "example.org"},
        {"Host": None},
        {"Host": "localhost:80"},
        {"Origin": None},
        {"Origin": "null"},
        {"Origin": "https://example.org"},
    ],
)
def test_others_are_refused(explorer, headers):
    status, text, _ = ask(explorer, **headers)
    assert (status, text) == (403, b"Forbidden.\n")


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=x", "/alive", "/alive?token=x"])
def test_nothing_is_shown_without_the_token(explorer, path):
    assert ask(explorer, "GET", path, Origin=None)[0] == 403


def test_a_page_of_another_site_is_refused_even_with_it(explorer):
    _, token = parts(explorer)
    assert ask(explorer, "GET", f"/?token={token}", Origin="https://example.org")[0] == 403


def test_what_is_no_question_is_refused(explorer):
    _, token = parts(explorer)
    assert ask(explorer, path="/../../etc/passwd")[0] == 404
    assert ask(explorer, "GET", f"/page/explorer.js?token={token}")[0] == 404
    assert ask(explorer, Content_Length="x", body="")[0] == 413
    assert ask(explorer, Content_Length=str(2**40), body="")[0] == 413
    assert ask(explorer, Content_Length=b"\xb2", body="")[0] == 413  # a superscript two is a digit to Python
    assert ask(explorer, Content_Length="-1", body="")[0] == 413
    status, text, _ = ask(explorer, path="/fit", body="{")
    assert status == 422 and "JSON" in json.loads(text)["error"]
    status, text, _ = ask(
        explorer, path="/fit", body='{"priors": {"sd_schol": {"kind": "Exponential", "rate": 1}}}'
    )
    assert status == 422 and "sd_school" in json.loads(text)["error"]


def test_it_listens_on_this_machine_only(explorer):
    assert explorer._server.server_address[0] == "127.0.0.1"


def test_a_closed_page_ends_it(monkeypatch):
    monkeypatch.setattr(server, "GRACE", 0.3)
    monkeypatch.setattr(server, "BEAT", 0.05)
    model = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))
    explorer = Explorer(Session(model.specification, None, "...", 1))
    waiting = threading.Thread(target=explorer.wait)
    waiting.start()
    time.sleep(0.5)
    assert waiting.is_alive()  # nobody came yet
    host, token = parts(explorer)
    page = http.client.HTTPConnection(host, timeout=5)
    page.request("GET", f"/alive?token={token}")
    answer = page.getresponse()
    assert answer.read(8) == b": here\n\n"
    time.sleep(0.5)
    assert waiting.is_alive()
    answer.close()
    page.close()
    waiting.join(5)
    assert not waiting.is_alive()
    with pytest.raises(OSError):
        ask(explorer)


def test_a_page_hears_of_its_end(monkeypatch):
    monkeypatch.setattr(server, "BEAT", 0.05)
    model = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))
    explorer = Explorer(Session(model.specification, None, "...", 1))
    host, token = parts(explorer)
    page = http.client.HTTPConnection(host, timeout=5)
    page.request("GET", f"/alive?token={token}")
    answer = page.getresponse()
    assert answer.read(8) == b": here\n\n"
    explorer.close()
    assert set(answer.read().split(b"\n")) <= {b"", b": here"}  # the stream ends
