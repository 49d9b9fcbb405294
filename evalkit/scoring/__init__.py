"""From replies to numbers: answers are extracted, scorers make scores of them, metrics make estimates of scores.

What asks a model to decide is in `judging`; statistics that know no metric in `stats`.
"""
