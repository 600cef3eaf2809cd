"""Hippo-Think: training data for hearing and reasoning, made by teachers, judged, and looked at by people [1].

Transcript -> a teacher's summary of each modality -> a judge -> batches for a person, whose remarks enter the next
system prompt while a stronger teacher writes the rejected again -> temporal segments -> tasks that predict one modality
from the other -> reasoning, kept where independent samples agree and are right -> balance over what is asked.

Teachers and judges are any endpoint that speaks OpenAI's chat completions, or the embedded one, which answers from the
micro world's facts and errs at a known rate. Either way a reply is paid for once: it is kept under the name of
what was asked (`store`), and everything made from it says from which model, prompt, seed and parents.

Words used in this package:
    item      one thing asked for: a summary, a verdict, one sample of reasoning
    batch     the videos between two looks of a person
    round     0 for the first attempt at a summary, then one per attempt of the stronger teacher
    outcome   an answer, or a rejection with its reason; every item ends as one of the two

References:
    [1] HippoVLM, CVPR 2026: the Hippo-Think engine and dataset.
"""
