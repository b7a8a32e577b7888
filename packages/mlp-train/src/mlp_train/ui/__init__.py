"""The page: a person draws, watches training and steps through the arithmetic, in a browser on this machine.

What's where: `server` (the application and how it is started), `guard` (who may ask for what), `state` (the one open
model, run and data), `answers` (JSON out, one sentence for an error), and a module for the requests of each tab. The
page itself is in `static`; docs/ui.md tells how a tab is added.
"""
