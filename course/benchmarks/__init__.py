"""Measured and estimated speed: ``course bench`` and ``course scaling``."""
