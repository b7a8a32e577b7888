"""Draw overview.svg, the README's picture, from real output: shipped digits, a network trained on them, its answers.

`python docs/images/draw_overview.py` trains just as the README's first command does, seed included, so its figures are
those that the command prints. It also writes the two files that the README predicts from, examples/seven.png and
examples/seven.npy: a digit of the test split as a person would have it, dark ink on light paper, with room around it.
Of the test split's sevens that the network reads rightly it is the one of median confidence, neither the best nor the
worst.
"""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import mlp_data
import mlp_runtime
import mlp_train

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
INK, FAINT, BLUE, PALE = "#1f2937", "#6b7280", "#2563eb", "#dbeafe"
Image = NDArray[np.uint8]


def png(image: Image) -> str:
    """Return a grey image as a data address that an SVG can show."""
    return "data:image/png;base64," + base64.b64encode(cv2.imencode(".png", image)[1].tobytes()).decode()


def picture(image: Image, x: float, y: float, size: float) -> str:
    """Place an image, its pixels left square."""
    return (
        f'<image x="{x}" y="{y}" width="{size}" height="{size}" href="{png(image)}" style="image-rendering:pixelated"/>'
    )


def text(words: str, x: float, y: float, size: int = 14, colour: str = INK, style: str = "") -> str:
    """Write some centred words; the style `code` is for names of files and commands."""
    family = "ui-monospace,Menlo,Consolas,monospace" if style == "code" else "system-ui,Segoe UI,Arial,sans-serif"
    place = f'x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="middle"'
    return f'<text {place} font-family="{family}">{words}</text>'


def arrow(x: float, width: float, y: float, above: str, below: str) -> list[str]:
    """Draw an arrow to the right, with what happens above it and where below it."""
    tip = x + width
    return [
        f'<path d="M{x} {y}H{tip - 8}" stroke="{BLUE}" stroke-width="3"/>',
        f'<path d="M{tip - 12} {y - 7}L{tip} {y}L{tip - 12} {y + 7}Z" fill="{BLUE}"/>',
        text(above, x + width / 2, y - 14, 14, BLUE, style="code"),
        text(below, x + width / 2, y + 24, 12, FAINT),
    ]


def on_paper(image: Image) -> Image:
    """Turn a digit of the data, light ink on dark, into what a person has: dark ink on light paper, and larger."""
    large = cv2.resize(image, (84, 84), interpolation=cv2.INTER_CUBIC)
    return 255 - (cv2.copyMakeBorder(large, 18, 18, 30, 6, cv2.BORDER_CONSTANT, value=0) * 0.86 + 14).astype(np.uint8)


def typical(sevens: Image, model: mlp_runtime.Model) -> Image:
    """Return the seven, on paper, of median confidence among those that the model reads rightly."""
    frames = [on_paper(image) for image in sevens]
    read = [(model.top(frame, 1)[0], frame) for frame in frames]
    right = [(confidence, place) for place, ((label, confidence), _) in enumerate(read) if label == "7"]
    return frames[sorted(right)[len(right) // 2][1]]


def draw(
    train: Image, sizes: list[int], file_size: int, accuracy: float, frame: Image, top: list[tuple[str, float]]
) -> str:
    """Lay out the three steps from left to right: data, model file, answer."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 200" role="img" '
        'aria-label="A zip of digits is trained into one model file, which the runtime answers from.">',
        '<rect width="860" height="200" rx="12" fill="#ffffff"/>',
        text("digits.zip", 98, 32, 15, style="code"),
    ]
    for index, image in enumerate(train[:12]):
        parts.append(picture(image, 26 + index % 4 * 37, 46 + index // 4 * 37, 34))
    parts += [
        text(f"{len(train):,} images", 98, 180, 12, FAINT),
        *arrow(196, 140, 100, "mlp-train fit", "a workstation"),
    ]
    parts += [
        f'<rect x="356" y="46" width="150" height="108" rx="8" fill="{PALE}" stroke="{BLUE}"/>',
        text("model.mlp", 431, 32, 15, style="code"),
        text("one file", 431, 78, 14),
        text(f"{file_size / 1000:,.0f} kB", 431, 102, 14),
        text("-".join(map(str, sizes)), 431, 126, 14),
        text(f"{accuracy:.1%} of the test images right", 431, 180, 12, FAINT),
        *arrow(526, 140, 100, "mlp_runtime", "anywhere NumPy runs"),
        picture(frame, 686, 46, 60),
    ]
    for index, (label, probability) in enumerate(top):
        y = 46 + index * 22
        parts += [
            text(label, 764, y + 13, 14, INK, "code"),
            f'<rect x="778" y="{y + 2}" width="{max(1, 40 * probability):.1f}" height="12" rx="2" fill="{BLUE}"/>',
        ]
    parts += [text(f"“{top[0][0]}”", 756, 146, 30, INK), text(f"with {top[0][1]:.1%}", 756, 180, 12, FAINT)]
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Train, predict and draw."""
    dataset = mlp_data.load("digits")
    test = dataset.splits["test"]
    result = mlp_train.fit(dataset)
    model = result.model
    accuracy = float(np.mean(model.predict(test.x) == np.asarray(dataset.classes)[test.y]))
    frame = typical(test.x[test.y == 7], model)
    cv2.imwrite(str(EXAMPLES / "seven.png"), frame)
    np.save(EXAMPLES / "seven.npy", frame)
    sizes = [model.layers[0].weight.shape[1], *(len(layer.bias) for layer in model.layers)]
    drawing = draw(dataset.splits["train"].x, sizes, len(result.to_bytes()), accuracy, frame, model.top(frame, 3))
    (HERE / "overview.svg").write_text(drawing, encoding="utf-8")
    print(f"test accuracy {accuracy:.2%}, seven.png: {model.top(frame, 3)}")


if __name__ == "__main__":
    main()
