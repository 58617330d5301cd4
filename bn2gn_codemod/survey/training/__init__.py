"""Train scripts and train loops: the models, their optimizers, and where a freeze must go."""
