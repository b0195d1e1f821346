"""A crowd that uses the marketplace: as many devices as one machine can play, over real sockets.

`engine` sends what scripts ask for, through a few connections in one thread; `figures` is what it
measures; `wire` writes the requests. `population` makes owners, devices and jobs by the operator's
hand, `truth` what the devices hold, `play` is what they do with it, all over HTTP. `watching` sees
the answer grow as its customer does, `simulation` puts one whole run together, and `outcome` and
`report` judge and show it.
"""
