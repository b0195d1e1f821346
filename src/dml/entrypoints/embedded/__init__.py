"""PostgreSQL 18 and Valkey 9 for one machine, out of two wheels, for any user in any folder.

`servers.up(home)` starts both or adopts what runs, `servers.down(home)` stops both. HOME keeps
`state.json` (port, passwords, the cluster's id); the servers live in the "place", which is HOME or,
where root calls and the servers' account may not enter HOME, a folder below /var/lib/dml.
On the sockets only the account and root reach the private folder; a random password is asked for
everywhere. Whether a server lives is asked of the kernel: it inherits an flock that lasts until the
last of its processes is gone. A stranger's server, cluster or folder is refused and left alone.

Read: servers (the verbs), places (where, as whom), locks and life (birth, death), postgres, valkey.
"""
