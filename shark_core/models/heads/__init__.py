"""Heads over pooled embeddings: built-in ones by name, a user's own by `package.module:Class`.

A head is an `nn.Module` with

    __init__(field_dims: dict[str, int], num_dense: int, hidden_units: Sequence[int], **options)
    forward(pooled: dict[str, Tensor], dense: Tensor) -> Tensor    # (B, D_f) each, (B, F) → (B,)

that gives logits. It owns no embedding table, so the importance of a field covers all that the
model knows of it.
"""
