"""The template of the stories' warehouses is made anew where anything that makes it has changed."""

from __future__ import annotations

import grimp
from tests.template import HOME, MADE_BY

PLUGINS = HOME / "plugins"
MAKERS = ("laoyouhui.pipeline.decide", "laoyouhui.warehouse.prepare", "laoyouhui.config.carrier")


def test_all_modules_that_make_a_warehouse_are_in_its_fingerprint() -> None:
    graph = grimp.build_graph("laoyouhui", cache_dir=None)
    needed = set(MAKERS).union(*(graph.find_upstream_modules(maker) for maker in MAKERS)) - {"laoyouhui"}
    folders = [HOME / name for name in MADE_BY]
    files = {(PLUGINS / name.replace(".", "/")).with_suffix(".py") for name in needed if "." in name}
    unknown = {file for file in files if file.exists() and not any(file.is_relative_to(place) for place in folders)}
    assert unknown == set()
    assert len(files) > 20
    assert all(place.exists() for place in folders)
