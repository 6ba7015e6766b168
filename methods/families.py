"""The families of methods, apart from the registry: whoever only orders or colours by them does without torch."""

FAMILIES = (
    "baseline",
    "resampling",
    "cost-sensitive",
    "decoupling",
    "ensemble",
    "synthesis",
    "one-class",
    "probe",
    "proposed",
)
