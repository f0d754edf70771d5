"""The documentation: scripts/docs builds it."""

import importlib.metadata
import os
import sys
from pathlib import Path

from sphinx_gallery.scrapers import figure_rst

from shoal.drawing.picture import Picture

sys.path.insert(0, str(Path(__file__).parent / "gallery"))

project = "Shoal"
author = "The Shoal developers"
copyright = "The Shoal developers"
release = importlib.metadata.version("shoal")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery"]
suppress_warnings = ["config.cache"]  # functions in the gallery's settings
html_theme = "pydata_sphinx_theme"
html_title = "Shoal"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_sidebars = {"**": []}
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": [],
}

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc lists parameters with their types
numpydoc_show_class_members = False


def scrape(block: tuple[str, ...], block_vars: dict, gallery_conf: dict) -> str:
    """Save the pictures that a block of a gallery script made, and return the lines that show them."""
    seen = scrape.seen
    pictures = [v for v in block_vars["example_globals"].values() if isinstance(v, Picture)]
    fresh = [p for p in {id(p): p for p in pictures}.values() if id(p) not in seen]
    paths = []
    for picture, path in zip(fresh, block_vars["image_path_iterator"], strict=False):
        seen[id(picture)] = picture  # kept, so that no other picture gets its id
        picture.figure.savefig(path, dpi=120)
        paths.append(path)
    return figure_rst(paths, gallery_conf["src_dir"])


scrape.seen = {}


def arguments(gallery_conf: dict, script_vars: dict) -> list[str]:
    """Return the arguments of a gallery script: SHOAL_GALLERY=fast builds quickly."""
    return ["--fast"] if os.environ.get("SHOAL_GALLERY") == "fast" else []


sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/\d\d\d_|/coming_from",
    "ignore_pattern": r"(^|/)_",
    "image_scrapers": (scrape,),
    "reset_argv": arguments,
    "download_all_examples": False,
    "show_memory": False,
    "abort_on_example_error": True,
    "within_subsection_order": "FileNameSortKey",
}
