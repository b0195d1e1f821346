"""`dml up`: starts what a marketplace needs, watches it, and stops it. Read `up` first."""
