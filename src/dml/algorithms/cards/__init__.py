"""Model cards as people read them: Markdown that strangers wrote, made HTML once.

A card is rendered when it is written, and the HTML kept beside its algorithm. A card that was
written by a release which rendered none, or rendered by an older renderer, is rendered again by
whoever asks for its page first.

Read in this order: rendering, models, queries, service.
"""
