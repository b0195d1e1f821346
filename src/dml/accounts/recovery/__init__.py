"""Recovery: what somebody does by a link in a mail, and changes of password and address.

A link is single-use, lasts two days, and is kept as a digest. Whoever asks for one that anybody may
ask for (to sign up, or to choose another password) is always answered the same, at once: whether
there is an account, a worker finds out later (`processes`), and only the mailbox hears
(docs/decisions/0045). To open a link uses nothing up, as programs that look for viruses do that:
the page behind it has a button (`pages`).

Read in this order: models, rules, letters, service, asking, confirming, processes, routes, pages.
"""
