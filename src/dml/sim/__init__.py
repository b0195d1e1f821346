"""A crowd that uses the marketplace: as many devices as one machine can play, over real sockets.

`engine` sends what scripts ask for, through a few connections in one thread; `figures` is what it
measures; `wire` writes the requests. `population` makes owners and devices by the operator's hand,
in the database: a hundred thousand people would register for an hour. All that a device does then
goes over HTTP, as any device's requests do.
"""
