"""Which queue of staff an intent's people go to."""

_TEAMS = {
    "psychology": "psych_support psych_crisis",
    "labour": "wage_arrears work_injury labor_dispute social_insurance legal_aid job_seeking skills_training",
    "schools": "school_enrollment local_exam child_card",
    "rooms": "residence_register residence_update rental_qr_report rental_hazard_report rental_rules",
    "permits": "permit_application permit_renewal permit_replacement permit_benefits points_application points_query "
    "hukou_settlement id_card_renewal exit_entry driving_vehicle",
    "emergency": "emergency",
}
_TEAM_OF = {intent: team for team, intents in _TEAMS.items() for intent in intents.split()}


def team_of(intent: str) -> str:
    """The queue for an intent; `general` for everything without one of its own."""
    return _TEAM_OF.get(intent, "general")
