"""Everything that runs later: delivery, replay of what was spooled, sweeps. A task is a nudge; the rows are the truth."""
