"""A simulated crowd that uses the marketplace: as many devices as one machine can play, over HTTP.

`engine` sends the scripts' requests through a few connections in one thread; `figures` holds its
measurements; `wire` writes the requests. `population` makes owners, devices and jobs in the
database, `truth` the photos that devices hold, and `play` is how devices behave. `watching` follows
the answer as its customer does, `simulation` is one whole run, and `outcome` and `report` check and
show its result.
"""
