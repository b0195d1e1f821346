"""The command `dml`: each of its groups in a module, imported only when it is used."""
