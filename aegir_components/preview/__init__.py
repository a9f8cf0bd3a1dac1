"""What is known of an edit before anything is changed: what it would lose, what does not fit, what it says."""
