"""``rnnbench choose``: models and settings, chosen without the test documents."""
