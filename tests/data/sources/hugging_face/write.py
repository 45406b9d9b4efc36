"""Write the data sets of this folder: ``pip install datasets && python write.py``."""

from pathlib import Path

from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

FOLDER = Path(__file__).parent
FEATURES = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})


def dataset(part, n):
    texts = [f"{part} text number {number}" for number in range(n)]
    rows = {"text": texts, "label": [number % 2 for number in range(n)]}
    return Dataset.from_dict(rows, features=FEATURES)


parts = DatasetDict(train=dataset("train", 12), test=dataset("test", 4))
parts.save_to_disk(FOLDER / "saved")
for name, part in parts.items():
    part.to_parquet(FOLDER / "parquet" / f"{name}-00000-of-00001.parquet")
