"""`gradcheck` compares every derivative with what a small nudge of each weight does to the loss."""

from __future__ import annotations

from typing import Any

from mlp_train.cli.shared import Debug, Json, Plugin, Quiet, Voice, answer, answer_json, command


def gradcheck(
    plugin: Plugin = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001  # the frame looks for it
) -> None:
    """Check the backward pass of every layer, activation and loss, yours too, against finite differences.

    Ends with exit code 5 where one of them is wrong.
    """
    from mlp_train.errors import GoalMissed
    from mlp_train.gradcheck import TOLERANCE, run_gradcheck
    from mlp_train.plugins import load_plugins

    load_plugins(plugin or ())
    voice = Voice(quiet)
    rows: list[dict[str, Any]] = []
    for check in run_gradcheck():
        rows.append(check.to_dict())
        if not as_json:  # as they come, because a person waits
            answer(f"{check.subject:<36}  {check.error:8.1e}  {check.verdict}")
    wrong = [row["subject"] for row in rows if not row["ok"]]
    true = [row["error"] for row in rows if not row["surrogate"]]
    if as_json:
        answer_json({"ok": not wrong, "tolerance": TOLERANCE, "worst": max(true), "checks": rows})
    if wrong:
        raise GoalMissed(
            f"the backward pass of {wrong[0]} disagrees with finite differences by more than {TOLERANCE:g}"
            f"{f', and {len(wrong) - 1} more do' if len(wrong) > 1 else ''}; correct its derivative"
        )
    voice.say(f"all agree; the worst relative error is {max(true):.1e}, and {TOLERANCE:g} is allowed")
    voice.say(f"next: {command('fit', 'digits', '--activation', 'NAME', plugins=plugin)}")
