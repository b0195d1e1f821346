"""`make demo`: the whole story against a real server and real devices, in under a minute.

Somebody trains a classifier of handwritten digits and sells it; somebody else asks twenty people
which digits they photographed; no photo leaves its folder, and everybody is paid. Nothing here
imports `dml`: it is a client of the public HTTP API, and runs the command `dml`.

Read: __main__ (the story), digits and photos (what it is about), market and devices (the processes
it starts, as children), people (who asks the API for what), outcome and checks (what must be true
in the end), and what is shown: screen, report, picture.
"""
