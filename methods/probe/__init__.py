"""Probes: scikit-learn's classifiers on pooled maps of the transferred backbone; no gradient steps."""
