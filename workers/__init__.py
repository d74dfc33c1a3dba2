"""The background door: Celery app, doorbell, tasks of a few lines, timetable."""
