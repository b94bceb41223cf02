"""Errors for callers' mistakes."""


class UsageError(ValueError):
    """A call or command that cannot work as given; the message says what to do instead."""
