"""A BERT with random weights and a vocabulary of fifty words."""

WORDS = [
    "corn",
    "grain",
    "ship",
    "the",
    "rose",
    "said",
    "pct",
    *(f"word{n}" for n in range(1, 39)),
]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]


def write_tiny_bert(folder, seed=0, **changes):
    """Write the files of a model into a new folder, which is returned."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(seed)
    sizes = {
        "vocab_size": len(VOCABULARY),
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 64,
        "initializer_range": 0.2,
    }
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    BertModel(BertConfig(**sizes | changes)).save_pretrained(folder)
    tokenizer = BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=64)
    tokenizer.save_pretrained(folder)
    return folder
