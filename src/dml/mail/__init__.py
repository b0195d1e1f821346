"""Mail: what people are told at their address, sent by SMTP (docs/decisions/0044).

Whoever makes a mail due writes its row in the same transaction (`service.post`), so that none is
sent for what did not happen, and none is lost for what did. What it says is sealed, as it may hold
a link that opens an account; it is deleted when it was sent. Any worker sends what is due
(`claiming`, `delivering`, `sending`). Without an SMTP server, on this machine alone, mails are kept
as files, and shown at `/dev/mails` (`shelf`, `routes`).

waiting → sent; waiting → failed: its address was refused, or it came too late to be of use.

Read in this order: states, models, rules, service, claiming, sending, delivering.
"""
