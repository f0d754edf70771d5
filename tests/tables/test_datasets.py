"""The data sets are whole, clean, and say where they come from."""

import re

import pytest

from refusals import refused
from shoal.tables.datasets import describe, load_dataset

RECORDS = {record.name: record for record in describe()}


@pytest.mark.parametrize("name", RECORDS)
def test_each_data_set_is_what_its_record_says(name):
    record, frame = RECORDS[name], load_dataset(name)
    assert len(frame) == record.rows
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", column) for column in frame.columns)
    assert record.what and record.source and record.licence
    missing = frame.isna().sum()
    assert list(missing[missing > 0].index) == (["recipient"] if name == "chimpanzees" else [])


def test_the_six_names():
    assert set(RECORDS) == {"eight_schools", "bangladesh", "reedfrogs", "trolley", "chimpanzees", "radon"}


def test_known_facts():
    schools = load_dataset("eight_schools")
    assert schools["y"].tolist() == [28, 8, -3, 7, -1, 1, 18, 12]
    assert schools["se"].tolist() == [15, 10, 16, 11, 9, 11, 10, 18]
    districts = set(load_dataset("bangladesh")["district"])
    assert districts == set(range(1, 62)) - {54}
    trolley = load_dataset("trolley")
    assert (trolley["id"].nunique(), trolley["story"].nunique()) == (331, 12)
    assert set(trolley["response"]) == set(range(1, 8))
    frogs = load_dataset("reedfrogs")
    assert (frogs["surv"] <= frogs["density"]).all()
    apes = load_dataset("chimpanzees")
    assert (apes["recipient"].isna() == (apes["condition"] == 0)).all()
    assert load_dataset("radon")["county"].nunique() == 85


def test_unknown_name_names_the_nearest():
    with refused("unknown-data-set", match="Did you mean 'reedfrogs'"):
        load_dataset("reed_frogs")


def test_each_call_gives_a_new_frame():
    first = load_dataset("eight_schools")
    first["y"] = 0
    assert load_dataset("eight_schools")["y"].any()
