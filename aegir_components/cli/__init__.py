"""The operator's command line: ``python -m aegir_components``. It reads stacks through Pulumi, and changes stack files only."""
