"""Algorithms: what developers offer. A listing holds versions, a version holds a model file.

    algorithm   draft → listed ⇄ suspended ;  any → archived       (listed: has an approved version)
    version     uploaded → checked | refused ;  checked → in_review → approved | rejected

A file is streamed to the blob store and never changes. A process runs it in the sandbox and says,
where it refuses, what to mend. Its developer then submits it for review, and a moderator approves
or rejects it with a reason. Only approved versions can be pinned by a job.

Read in this order: models, rules, service, processes, queries, routes.
"""
