"""Firstline's dealings with people: announcements, pages, approvals and feedback."""
