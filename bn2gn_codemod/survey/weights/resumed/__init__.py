"""Trainings that go on, or begin with random weights: their files say nothing of a backbone."""
