"""The runbook language: schema, parsing with places, lint, plan and rendering; `library/` holds runbooks to use."""
