"""How `RunbookRun` carries out steps: the desk (what is known of the run), one file per kind, and the undo."""
