"""The services that the knowledge base answers and that need nothing more yet than its answer and a way on."""

from handlers import policy
from handlers.registry import handles
from handlers.turn import Reply, Turn


@handles(
    "points_application", "points_query", "hukou_settlement", "public_housing", "vaccination", "maternal_health",
    "wage_arrears", "work_injury", "labor_dispute", "social_insurance", "legal_aid", "mediation",
    "skills_training", "id_card_renewal", "exit_entry", "driving_vehicle", "senior_transit_card", "party_membership",
    "community_activity", "hardship_aid", "suggestion",
)  # fmt: skip
def service(turn: Turn) -> Reply:
    """What the rules say, and how to go on."""
    return policy.answer(turn)
