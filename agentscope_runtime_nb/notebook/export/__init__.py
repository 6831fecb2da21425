"""From a notebook's cells to a package of its own.

`document` reads the notebook, `statements` and `facts` say what each statement does, `slicer` and
`plan` decide what an app needs, `order` and `secret_scan` find what must not be exported, `writer`
and `bundle` write the files, `rehearsal` imports them in a fresh process. `exporter.export` does it
all; `live` is its side in a kernel, with the `recorder` of what was executed.
"""
