"""Running a stranger's model over somebody's data: the same code on server and device.

An algorithm's version is an ONNX file and an *input spec*, data which says how a photo becomes the
tensor that the model takes. `spec` reads it, `photo_files` finds pixels and day in a file, `images`
makes the tensor, `counting` makes of all items together the one thing that leaves a device. None of
them runs the model.

The model is hostile until it is shown to be none. `guard` checks it and `session` runs it, only
ever in a child which `lockdown` cut off from files, network and processes, and which `sandbox`
forked with limits. Only the `zygote`, a clean process without secrets, forks, or on a device the
one of `running`, which checks nothing, or that of `trying`, which reads a photo and shows what a
model sees of it. `runner` is what others call.

To read: spec, images, photo_files, dates, counting; then runner, zygote, running, trying,
sandbox, lockdown, guard, graph, fit, kinds, session, heads, measuring.
"""
