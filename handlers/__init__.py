"""Who answers: one module a family of intents, each handler a small function from a turn to a reply."""

from handlers import job_posts, mind, permit, residence, schooling, services, talk

FAMILIES = (job_posts, mind, permit, residence, schooling, services, talk)
"""Importing them registers their handlers."""
