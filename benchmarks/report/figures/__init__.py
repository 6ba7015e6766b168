"""Figures of the report: PNG for screens, PDF for print where asked, all in one style."""
