"""The networks at a glance: their numbers, kept in a file so that reading them needs no Keras."""

from course.listing.counting import counted
from course.listing.numbers import Numbers, choose, kept
from course.listing.table import aligned, listing

__all__ = ["Numbers", "aligned", "choose", "counted", "kept", "listing"]
