"""What the site adds to Sphinx."""

from typing import NamedTuple

import pytest

pytest.importorskip("sphinx", reason="the extra `site` is not installed")

from autograder.site import extension


class Point(NamedTuple):
    """A place."""

    x: int

    def far(self) -> bool:
        """Whether it is far."""
        return self.x > 9


def test_numbers_of_fields_are_left_out():
    def skipped(thing):
        return extension._skip(None, "class", "name", thing, False, None)

    assert skipped(Point.x) is True
    assert skipped(Point.far) is None and skipped(3) is None


def test_a_name_without_its_module_is_found_if_only_one_is_meant():
    from types import SimpleNamespace as Thing

    objects = {"a.One": Thing(docname="api/a", node_id="a.One"), "a.Two": 0, "b.Two": 0}
    env = Thing(domains=Thing(python_domain=Thing(objects=objects)), docname="api/b")
    builder = Thing(get_relative_uri=lambda here, there: f"{there}.html")

    def found(target, kind="exc"):
        node = {"refdomain": "py", "reftype": kind, "reftarget": target}
        from docutils import nodes

        return extension._by_last_name(Thing(builder=builder), env, node, nodes.literal())

    assert found("One")["refuri"] == "api/a.html#a.One"
    assert found("Two") is None and found("Three") is None
    assert found("One", "mod") is None
