"""How the files here were made: by inspect_ai 0.3.285 and promptfoo 0.121.20.

``python make.py FOLDER`` writes the logs of two mock models that answer three
questions twice; from the one that is JSON, what tells how a sample went is removed.
Those of promptfoo are of ``npx promptfoo eval`` with the provider ``echo`` and two
prompts, of which the first three tests are kept.
"""

import json
import shutil
import sys
from pathlib import Path

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelAPI, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate

SAMPLES = [
    Sample(id=number, input=f"2+{number}?", target=str(2 + number))
    for number in range(3)
]
RIGHT = {"good": [True, True, True, True, False, True], "bad": [True, False, False] * 2}
UNUSED = ("events", "messages", "attachments", "events_data")


async def count(*_args, **_options):
    return 1  # nothing is downloaded to count tokens


ModelAPI.count_tokens = ModelAPI.count_text_tokens = count
for name, ending in (("good", "eval"), ("bad", "json")):
    outputs = []
    for number, is_right in enumerate(RIGHT[name]):
        text = str(2 + number % 3) if is_right else "no idea"
        output = ModelOutput.from_content("mockllm/model", text)
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        outputs.append(output)
    model = get_model(f"mockllm/{name}", custom_outputs=outputs)
    task = Task(SAMPLES, solver=generate(), scorer=match(), epochs=2, name="sums")
    (log,) = evaluate(
        task,
        model=model,
        log_dir="logs",
        log_format=ending,
        max_samples=1,
        display="none",
    )
    target = Path(sys.argv[1], f"{name}.{ending}")
    if ending == "eval":
        shutil.copy(log.location, target)
        continue
    content = json.loads(Path(log.location).read_text())
    content["eval"]["model_args"] = {}
    for sample in content["samples"]:
        for key in UNUSED:
            sample.pop(key, None)
    target.write_text(json.dumps(content))
