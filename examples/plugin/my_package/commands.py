"""A command's record, which `rnnbench --help` loads."""

from rnnbench.plugin import Command

LARGEST = Command(
    "largest", "my_package.largest:largest", "Print the largest model of a run."
)
