"""Claim, heartbeat, release and result: as short a path as can be, for a great many devices."""
