"""Adds figures kept in Excel or CSV to the seeds, see `scripts/import`; other callers use `import_into`.

Modules, in the order of an import:
  files         reads the bytes, whoever put them there
  limits        keeps the reading within bounds
  companion     what a file beside says of the figures
  sheets        reads the file into sheets of text
  vocabulary    what the reference seeds call things
  cells         what a cell means by itself
  figures       finds out which figures the sheets give
  seed_files    the observations as they are and as they are to be
  observations  compares and writes: `import_into`
  __main__      the command
"""
