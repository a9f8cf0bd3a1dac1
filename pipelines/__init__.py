"""What the ready pipelines run beside Pulumi: comments on merge requests, sealed plans, leftover locks."""
