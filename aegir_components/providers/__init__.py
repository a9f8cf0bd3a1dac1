"""What Pulumi can diff: one provider and its resource a file."""
