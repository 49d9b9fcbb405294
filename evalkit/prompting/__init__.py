"""How a model is asked: few-shot examples, rendered prompts, and the methods that put them before it.

Where samples come from is `data`'s; what is made of a reply is `scoring`'s.
"""
