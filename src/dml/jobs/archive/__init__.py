"""What devices did, moved into files some time after a job has ended."""
