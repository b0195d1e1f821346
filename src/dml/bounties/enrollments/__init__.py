"""Who competes: enrolling, teams, their fees, and leaving."""
