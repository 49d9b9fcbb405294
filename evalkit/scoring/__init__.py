"""From replies to numbers: answers are extracted, scorers make scores of them, metrics make estimates of scores."""
