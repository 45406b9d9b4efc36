"""Make the answers in this folder, to messages to a shop, with two other tools.

They are Hugging Face's ``Trainer`` and lm-evaluation-harness: ``pip install
'lm-eval[hf]'``. It takes a minute. All networks are tiny and begin untrained, so
nothing is downloaded.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    set_seed,
)

HERE = Path(__file__).resolve().parent
TABLE = HERE.parents[1] / "configs/own_texts.csv"
LABELS = ["question", "refund", "replacement"]
ITEMS = [
    "jacket",
    "table",
    "lamp",
    "kettle",
    "backpack",
    "clock",
    "mug",
    "headphones",
    "phone",
]
ITEMS += ["keyboard", "cable", "toaster"]
QUESTION = "The customer wants a"
TASK = {
    "task": "shop",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "test.json"}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "{{text}} " + QUESTION,
    "doc_to_choice": LABELS,
    "doc_to_target": "{{label}}",
    "metric_list": [{"metric": "acc"}],
}


def main():
    with TABLE.open() as file:
        rows = list(csv.DictReader(file))
    test, train = rows[::4], [row for place, row in enumerate(rows) if place % 4]
    tokenizer = word_tokenizer(
        [*(row["text"] for row in rows), " ".join([QUESTION, *LABELS])]
    )
    for seed in range(3):
        output = classify(tokenizer, train, test, seed)
        file = HERE / f"bert-seed{seed}.npz"
        np.savez(file, predictions=output.predictions, label_ids=output.label_ids)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        texts = [row["text"].lower() for row in test]
        items = [
            next((item for item in ITEMS if item in text), "other") for text in texts
        ]
        documents = [
            {"item": item, **row} for item, row in zip(items, test, strict=True)
        ]
        Path("test.json").write_text("\n".join(map(json.dumps, documents)))
        Path("shop.yaml").write_text(json.dumps(TASK))
        for name, width in (("small", 16), ("large", 64)):
            continue_texts(tokenizer, train, width).save_pretrained(name)
            tokenizer.save_pretrained(name)
            command = [Path(sys.executable).with_name("lm_eval"), "--model", "hf"]
            command += ["--model_args", f"pretrained={name}", "--device", "cpu"]
            command += ["--tasks", "shop", "--include_path", ".", "--batch_size", "50"]
            subprocess.run(  # noqa: S603
                [*command, "--output_path", name, "--log_samples"], check=True
            )
            (samples,) = Path(name).rglob("samples_shop_*.jsonl")
            (HERE / f"{name}.jsonl").write_text(samples.read_text())


def word_tokenizer(texts):
    """Return a tokenizer of whole words."""
    special = {
        f"{name}_token": f"[{name.upper()}]"
        for name in ("unk", "pad", "cls", "sep", "eos")
    }
    tokenizer = Tokenizer(models.WordLevel(unk_token=special["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    options = trainers.WordLevelTrainer(special_tokens=[*special.values()])
    tokenizer.train_from_iterator(texts, options)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def classify(tokenizer, train, test, seed):
    """Return what ``Trainer.predict`` returns for the test messages."""
    set_seed(seed)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    config = BertConfig(
        vocab_size=len(tokenizer),
        num_attention_heads=2,
        num_labels=len(LABELS),
        **sizes,
    )

    def encoded(rows):
        options = {"padding": "max_length", "max_length": 40, "truncation": True}
        keys = ("input_ids", "attention_mask")
        return [
            {key: tokenizer(row["text"], **options)[key] for key in keys}
            | {"labels": LABELS.index(row["label"])}
            for row in rows
        ]

    with tempfile.TemporaryDirectory() as folder:
        options = {
            "num_train_epochs": 12,
            "learning_rate": 2e-3,
            "seed": seed,
            "use_cpu": True,
        }
        options |= {
            "per_device_train_batch_size": 32,
            "save_strategy": "no",
            "report_to": [],
        }
        network = BertForSequenceClassification(config)
        trainer = Trainer(
            network, TrainingArguments(folder, **options), train_dataset=encoded(train)
        )
        trainer.train()
        return trainer.predict(encoded(test))


def continue_texts(tokenizer, train, width):
    """Return a language model that has learned to say what the customer wants."""
    set_seed(0)
    ends = dict.fromkeys(("bos_token_id", "eos_token_id"), tokenizer.eos_token_id)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_embd=width, n_layer=1, n_head=2, **ends
    )
    model = GPT2LMHeadModel(config)
    texts = [f"{row['text']} {QUESTION} {row['label']}" for row in train]
    tokens = tokenizer(texts, padding=True, return_tensors="pt")
    ids, mask = tokens["input_ids"], tokens["attention_mask"]
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(6):
        for rows in torch.randperm(len(texts)).split(25):
            own = {"input_ids": ids[rows], "attention_mask": mask[rows]}
            labels = ids[rows].masked_fill(mask[rows] == 0, -100)
            model(**own, labels=labels).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return model


main()
