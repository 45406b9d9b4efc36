"""What trained models say of new texts."""
