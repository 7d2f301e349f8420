"""From the apps to Meta: pacing, admission, dispatch, and what becomes of it."""
