"""The only SQL: the record that outlives the engine, and the effect ledger."""
