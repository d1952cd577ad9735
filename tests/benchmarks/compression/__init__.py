"""How small tables can be, and what it costs in AUC: the paper's configuration and ours."""
