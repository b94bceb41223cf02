"""The course's site: lectures, assignments, networks, reference and guides as pages.

`assemble` writes the pages' sources, `build` has Sphinx make pages of them, and `verify` checks
that every link leads somewhere and that nothing is fetched from another host.
"""
