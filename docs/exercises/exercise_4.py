"""Exercise 4: what is wrong with these trainings?

Five networks learn the shipped digits, four of them with something wrong. `python docs/exercises/exercise_4.py` trains
them, leaves the log of each as runs/exercise-4/A.jsonl to E.jsonl, as `mlp-train fit` leaves metrics.jsonl, and prints
the figures that matter. Each of CAUSES is right once. Fill in ANSWERS, then:

    python docs/exercises/check.py 4
"""

from checker.diagnosis import show

CAUSES = {
    "nothing": "it learns as it should",
    "learning rate": "the learning rate is far too high",
    "dead units": "most units of a hidden layer answer 0 to everything",
    "initialisation": "the first weights are far too small",
    "scaling": "the pixels came as 0 to 255, and nobody scaled them",
}

ANSWERS = {  # one of CAUSES for each
    "A": "?",
    "B": "?",
    "C": "?",
    "D": "?",
    "E": "?",
}

if __name__ == "__main__":
    show()
