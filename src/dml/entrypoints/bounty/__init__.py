"""`dml bounty`: a client of the public API, for owners of bounties and for those who enter them.

Read: commands (what there is to type), description (`bounty.yaml`), marketplace (the API from
here), making (an owner's), entering (an entrant's), verifying (anybody's).
"""
