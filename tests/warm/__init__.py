"""Python processes of the tests that begin with their modules imported: imports are half of a command's processor time.

Users have one command at a time. The tests have two thousand, and what they try is not the import of the same modules again.
A server (server.py) imports the program once a worker. Where a command would start Python, a client (client.py) starts in its
place and hands over its streams, arguments, environment and directory; the server forks. The child is what Python would have
started: the same script or module, run by `runpy` as `__main__`, with its own streams, signals and exit status.

`AEGIR_TEST_COLD=1` leaves all processes as they are; a file of tests that looks at processes has the mark `cold`.
"""
