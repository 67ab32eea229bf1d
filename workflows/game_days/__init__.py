"""The phases of a game day, one file each; `workflows/game_day.py` goes from one to the next."""
