"""How blocks become rows: events are read, and deposits credited once they are final."""
