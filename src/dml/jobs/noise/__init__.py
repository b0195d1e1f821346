"""Noisy answers: what may be told of a job, so that it depends on no one owner much.

The unit is the owner. Whatever one owner's devices hand in, the chance of each thing that a
customer can see changes by little: by `epsilon`, but for one time in a million (δ). So it is zero-
concentrated differential privacy, drawn by OpenDP, and each job costs an owner a fixed part, `rho`,
of the most that all jobs together may learn of them (docs/decisions/0074).

    rules      how much noise, for which part of an answer, when a step comes
    drawing    the noise itself: the one file that imports OpenDP
    service    draws it, once, in the transaction that tells a step, and keeps it
    mending    from the numbers drawn to an answer that adds up, and how sure each number is
"""
