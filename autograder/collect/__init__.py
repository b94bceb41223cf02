"""Collect what students handed in, from wherever it was downloaded, into `submitted/`."""
