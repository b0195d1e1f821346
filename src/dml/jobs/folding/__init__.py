"""How accepted results are added to their job's totals and paid for, each once."""
