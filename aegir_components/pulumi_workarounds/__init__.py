"""What Pulumi and Python do otherwise than we need it: each with what upstream has on it, versions, switch and test.

A ``pulumi`` command starts four processes of Python: one for the program, one or two for its providers, and one that
lists packages. ``tools/setup`` lets each process of the virtual environment call :func:`startup.begin` as it
starts. Only these four and the operator's command line are changed, and ``AEGIR_PULUMI_PLAIN_START=1`` leaves them as they
are.
"""
