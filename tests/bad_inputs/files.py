"""Files of draws, Shoal's and those that ArviZ reads."""

CASES = {
    "not-a-path": ['fit.save("")', "fit.save(3)", "sl.load(3)"],
    "no-folder": ['fit.save("no/fit.nc")', 'fit.report("no/fit.html")'],
    "result-file-ending": ['fit.save("fit.csv")'],
    "file-not-writable": ['fit.save("folder.nc")'],
    "output-ending": ['fit.report("fit.txt")'],
    "no-file": ['sl.load("nosuch.nc")', 'sl.diagnose("nosuch.nc")', 'sl.load("x" * 5000)'],
    "not-a-result-file": [
        'sl.load("folder.nc")',
        'sl.load("text.nc")',
        'sl.load("old.nc")',
        'sl.load("data.csv")',
        'sl.diagnose("stan.nc")',
    ],
    "file-empty": ['sl.load("empty.nc")', 'sl.diagnose("empty.nc")'],
    "file-damaged": ['sl.load("short.nc")', 'sl.diagnose("short.nc")'],
    "file-links": ['sl.load("loop.nc")', 'sl.diagnose("loop.nc")'],
    "file-incomplete": ['sl.load("text_draws.nc")'],
    "file-of-another-program": ['sl.load("other.nc")'],
    "file-without-posterior": ['sl.diagnose("no_posterior.nc")'],
    "not-a-family": ['sl.load("fit.nc", families=3)', 'sl.load("fit.nc", families=[3])'],
}

# Whose message names the memory of the machine.
OF_MACHINES = {"file-too-large": ['sl.load("large.nc")', 'sl.diagnose("large.nc")']}
