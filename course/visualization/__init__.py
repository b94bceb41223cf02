"""Plots for the lectures and for looking at networks."""
