"""What people decide: prizes, disputes, disqualifications, and models that are published."""
