"""What every family shares."""
