"""How far contexts support an answer, sentence by sentence, without a judge: by rules, or by an entailment model."""
