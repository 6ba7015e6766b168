"""Figures of the report: PNG for screens, PDF for print, all in one style."""
