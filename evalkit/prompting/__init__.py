"""How a model is asked: few-shot examples, rendered prompts, and the methods that put them before it."""
