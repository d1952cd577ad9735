"""How much each field contributes to the model's quality."""
