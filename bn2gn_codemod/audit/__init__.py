"""The deep check of a training set-up: what is wrong, how bad, and how to mend it.

``targets`` gathers the evidence, the rules turn it into diagnoses, and
``examination`` puts both into one report.
"""
