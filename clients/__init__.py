"""What is made for those who write against the API, from its description."""
