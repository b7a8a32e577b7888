"""Ask for a row by name and say what a table model makes of it: an app that needs NumPy, mlp_runtime and a model file.

mlp-train fit titanic --out runs/titanic
python examples/small_app.py runs/titanic/model.mlp
"""

import sys

import mlp_runtime


def ask(columns):
    """Ask for each column in turn; an empty answer means that nobody knows. None at the end of the input."""
    row = {}
    for name in columns:
        print(f"{name}? ", end="", flush=True)
        answer = sys.stdin.readline()
        if not answer:
            return None
        row[name] = answer.strip()
    return row


def main(path):
    """Ask and answer until the input ends."""
    model = mlp_runtime.load(path)
    print(f"The answer is {model.training.get('target') or 'a class'}: {', '.join(model.classes)}.")
    columns = dict.fromkeys(column.name for column in model.input.columns)  # one may feed several network inputs
    print("Press Enter alone where you do not know, Ctrl-D to stop.")
    while (row := ask(columns)) is not None:
        try:
            print("  ".join(f"{label}: {probability:.0%}" for label, probability in model.top(row, 2)), "\n")
        except mlp_runtime.InputError as error:
            print(f"{error}\n")
    print()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(
            "usage: python small_app.py MODEL.mlp    a table model that gives classes, as of `mlp-train fit titanic`"
        )
    main(sys.argv[1])
