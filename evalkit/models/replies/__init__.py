"""From what a model wrote to a reply, the same way for every backend.

Token ids become text together with the ids before them (`detokenize`), thought is split from the answer by the model's
own markers (`markers`, `split`, `channels`), stop strings cut the answer alone (`answer`). Backends bring text and the
reason why it ended; what an answer means is `scoring`'s.
"""
