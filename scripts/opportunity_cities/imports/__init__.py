"""Adds figures kept in Excel or CSV to the seeds, see `scripts/import`.

Modules, in the order of an import:
  sheets        reads the file into sheets of text
  vocabulary    what the reference seeds call things
  cells         what a cell means by itself
  figures       finds out which figures the sheets give
  seed_files    the observations as they are and as they are to be
  __main__      compares, reports and writes
"""
