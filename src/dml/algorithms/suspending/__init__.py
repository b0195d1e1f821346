"""Suspending: an algorithm is taken off the list for now, by its developer or by a moderator.

Who suspended it resumes it. What a moderator suspended, another moderator lists again where its
developer appeals (`algorithms/moderation`).
"""
