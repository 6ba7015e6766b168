"""The proposed method of Liu et al. 2021, its ablations and variants."""
