"""Spans of time, as people read them."""

from datetime import timedelta


def span(duration: timedelta | None) -> str:
    """Hours and minutes, or minutes and seconds; a dash where nobody knows."""
    if duration is None:
        return "–"
    seconds = round(duration.total_seconds())
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 60}:{seconds % 60:02} min"
