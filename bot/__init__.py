"""What happens to a message: the turn, the dialogue, and the channels."""
