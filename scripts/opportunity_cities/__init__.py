"""Build, audit and publish the warehouse of the Opportunity Cities index.

Modules, in the order of a build:
  project       where things are, and the error that users see
  seeds         checks the seed files before anything is built
  warehouse     runs dbt into a fresh DuckDB file
  expectations  runs the Great Expectations suites on that file
  release       publishes the file as an immutable release
  build         the whole of it, behind `scripts/build`

Beside it:
  query         asks the current release one question, behind `scripts/query`
  imports       adds figures from Excel or CSV to the seeds, behind `scripts/import`
"""
