"""How fast the engines are: against each other, against PyTorch, and against the machine."""
