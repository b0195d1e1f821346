"""Algorithms: what developers offer. A listing holds versions, a version holds a model file.

    algorithm   draft ⇄ announced → listed ⇄ suspended ;  draft → listed ;  any → archived
                announced ⇄ suspended                             (listed: has an approved version)
    version     uploaded → checked | refused ;  checked ⇄ in_review → approved | rejected ;
                approved → recalled ;  rejected, recalled → approved              (by an appeal)

A file is streamed to the blob store and never changes. A process runs it in the sandbox and says,
where it refuses, what to mend. Its developer then submits it for review, and a moderator approves
or rejects it with a reason. Only approved versions can be pinned by a job. One that turns out to do
harm is recalled: no device gets it any more, what runs of it ends, and its jobs give back their
tokens. To suspend an algorithm is milder: nobody orders it and no work of it is given out, until
it is resumed by whom it was suspended, its developer or a moderator; what devices have begun may
still come in.

Read in this order: models, rules, events, service, processes, queries, routes.
"""
