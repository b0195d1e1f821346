"""`dml upgrade --plan`: what changes between a database and this release, before anything does.

`migrations` reads the SQL of each migration that is to come, and which locks that takes; `planning`
compares with the database and the settings, and says what to do in which order. Both only read.
"""
