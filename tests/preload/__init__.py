"""A disk that forgets what was not synced, and faults at will: see unsynced.h."""
