"""Errors of whoever calls this course's code."""


class UsageError(ValueError):
    """A call or command that cannot work as given; the message says what to do instead."""
