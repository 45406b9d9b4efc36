"""From the records of trials to what they mean; nothing here trains or prints."""
