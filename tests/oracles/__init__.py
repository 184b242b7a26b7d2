"""What definitions are tested against: the same mathematics in the plainest form, and numbers for any window."""
