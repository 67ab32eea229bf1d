"""Action items as issues in the team's own tracker: the port, the look, the poll."""
