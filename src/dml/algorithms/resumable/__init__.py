"""Models that come in parts: announced, sent bit by bit, and made a version once they are whole.

    upload   announced → … received parts … → completed (a version)  |  given up, or never finished

Its developer says size, SHA-256 and input spec first: so many bytes are set aside in their quota.
Each part begins where the last one ended. A part is written to the quarantine of the blob store
and then counted, in one transaction; what was counted is there, whatever is killed. In the end
all is read once, compared with what was announced, and kept as any model is (docs/decisions/0067).

Where the blobs lie in a bucket, the whole file may be put there by one request past the API, and is
read and compared in the same way.

Read in this order: models, rules, service, statements, uploads.
"""
