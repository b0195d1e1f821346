"""Announcing: everybody can see that an algorithm is coming, before a version of it is approved.

Its developer announces a draft, and may take that back; the first approval lists it. Nobody can
order it meanwhile. Moderators suspend or archive it as they do any other.

Read in this order: rules, service, routes.
"""
