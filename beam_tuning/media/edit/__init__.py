"""Other files made of a media file: a part of it, another container, a smaller one. FFmpeg's libraries do it (PyAV), in
a child process with limits. What callers need is `wanted`, `naming` and `run`; the others are loaded in the child only.
"""
