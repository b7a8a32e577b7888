"""Does the hybrid gradient do its job? A sigmoid network too deep for the true gradient, trained with both.

    python benchmarks/hybrid_sigmoid.py

Each row trains the same network from the same start on the shipped digits; only the backward of the hidden layers
differs. The accuracy is that of the held-out training rows, so the test split stays closed.
"""

from __future__ import annotations

import argparse
import statistics

import mlp_data
import mlp_train


def main() -> None:
    """Print the validation accuracy of both gradients at several depths, mean and spread over seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depths", type=int, nargs="+", default=[2, 3, 4, 5, 6])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    args = parser.parse_args()
    digits = mlp_data.load("digits")
    print(f"784 - depth x 64 - 10, SGD at 0.1, {args.epochs} epochs, {args.seeds} seeds; chance is 0.100")
    print(f"{'hidden layers':>13}  {'sigmoid (true gradient)':>24}  {'sigmoid-hybrid':>16}")
    for depth in args.depths:
        cells = []
        for activation in ("sigmoid", "sigmoid-hybrid"):
            scores = [
                mlp_train.fit(
                    digits,
                    hidden=(64,) * depth,
                    activation=activation,
                    optimizer="sgd",
                    lr=0.1,
                    epochs=args.epochs,
                    seed=seed,
                ).metrics["valid"]["accuracy"]
                for seed in range(args.seeds)
            ]
            cells.append(f"{statistics.mean(scores):.3f} +- {statistics.pstdev(scores):.3f}")
        print(f"{depth:>13}  {cells[0]:>24}  {cells[1]:>16}", flush=True)


if __name__ == "__main__":
    main()
