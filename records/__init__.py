"""What happened: the tables, one file per aggregate, and the only code that speaks SQL.

Functions take a `sqlalchemy.Connection` inside a transaction that the caller opened with `records.base.write` or
`records.base.read`; none of them commits.
"""
