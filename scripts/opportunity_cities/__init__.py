"""Build, audit and publish the warehouse of the Opportunity Cities index.

Modules, in the order of a build:
  project       where things are, and the error that users see
  seeds         checks the seed files before anything is built
  children      starts processes that end with the build
  warehouse     runs dbt into a fresh DuckDB file
  suites        has the expectation suites run meanwhile, in a process of their own
  expectations  that process: Great Expectations on each table as soon as it is built
  release       publishes the file as an immutable release
  build         the whole of it, behind `scripts/build`

Beside it:
  query         asks the current release something, behind `scripts/query`
  imports       adds figures from Excel or CSV to the seeds, behind `scripts/import`
  notify        tells people how a nightly run ended
"""
