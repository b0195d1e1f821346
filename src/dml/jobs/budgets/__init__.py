"""What all jobs together may learn of one owner within 30 days: a budget, which results spend.

A claim of a noisy job takes what its result will cost, where the owner's budget covers it; an
accepted result keeps it; a lease that ends otherwise gives it back. Both are parts of the
statements of the device path, so that whoever is killed when, each is done with what it belongs to
(docs/decisions/0075). However many accounts and jobs a customer has, they share this budget.

    rules      how long what was spent counts, and what an owner may choose
    statements the parts that the device path's statements have
    service    an owner reads and sets it
"""
