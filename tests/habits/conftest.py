"""The fork servers of the engine's tests."""

from tests.autograder.conftest import executor

__all__ = ["executor"]
