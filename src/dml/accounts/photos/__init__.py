"""A user's photo: a file, made anew in a locked child, shown to everybody with a thumbnail.

What somebody uploads is never kept nor shown: only the two pictures that a child made of its pixels
(docs/decisions/0059). Read in this order: rules, pictures, studio, service, uploads, routes.
"""
