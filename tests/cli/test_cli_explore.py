"""`shoal explore`: its address, its end with the page, and what it refuses."""

import http.client
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

COMMAND = [sys.executable, "-c", "from shoal.cli import main; main()", "explore", "--no-browser"]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["nothing.nc"], "There is no file nothing.nc"),
        (["y ~ 1"], "the formula 'y ~ 1' needs a table"),
        (["y ~ 1", "nothing.csv"], "nothing.csv"),
        (["y ~ 1", "eight_schools", "--prior", "sd=Exponential(1)"], "sd"),
        (["fit.nc", "--prior", "sd=Exponential(1)"], "belong to a formula"),
        (["fit.nc", "--seed", "3"], "belong to a formula"),
        (["fit.nc", "--family", "poisson"], "belong to a formula"),
        (["y ~ 1", "eight_schools", "--predictor", "sigma = 1.2.3"], "names no parameter"),
        (["y ~ 1", "eight_schools", "--port", "70000"], "65535"),
        (["y ~ (1", "eight_schools"], "^"),
    ],
)
def test_wrong_arguments(shoal, arguments, said):
    code, out, err = shoal("explore", "--no-browser", *arguments)
    assert (code, out) == (1, "") and said in err


def test_a_file_has_its_own_table(shoal, tmp_path):
    (tmp_path / "fit.nc").write_bytes(b"")
    code, out, err = shoal("explore", "--no-browser", "fit.nc", "radon")
    assert (code, out) == (1, "") and "has its own table" in err


def test_it_ends_when_its_page_is_closed(tmp_path):
    process = subprocess.Popen(
        [*COMMAND, "y | se(se) ~ 1 + (1 | school)", "eight_schools"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    address = re.search(r"http://\S+", process.stderr.readline())[0]
    where = urlsplit(address)
    page = http.client.HTTPConnection(where.netloc, timeout=10)
    page.request("GET", f"/alive?{where.query}")
    answer = page.getresponse()
    assert answer.status == 200 and answer.read(6) == b": here"
    answer.close()
    page.close()
    assert process.wait(30) == 0 and process.stderr.read() == ""
    process.stderr.close()
