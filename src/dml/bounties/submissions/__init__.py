"""Submissions: how a file is uploaded, checked and scored, and how it ends."""
