"""The advice in words: what to do first, then how sure that is, then how often such advice was right."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmarks.report.advice.calls import MIN_SEEDS, Comparison
from benchmarks.report.advice.decision import MARGIN, SURE, Advice, Choice
from benchmarks.report.advice.places import Place, decided_by
from benchmarks.report.advice.regret import over_levels
from benchmarks.report.data.names import METRICS, dataset_title, level_name, number
from benchmarks.report.data.variants import RULE as VARIANTS_RULE
from benchmarks.report.data.words import listed
from benchmarks.report.statistics.decimals import beside, signed
from datasets.hints import counted

NAMED = 5
"""So many methods are named one by one before "and n more"."""
RULES = [
    "The advised method has the best expected mean over the levels named, given these runs and the results on "
    "other datasets (the reference results and the runs on image sets of other kinds that come with the suite, and "
    "the other datasets of this run; never one that shares images). The estimator is a linear mixed model: effects of "
    "methods, of methods on a dataset, on datasets with two classes or with more, and with about as many images of the "
    "smallest class; its variances are fitted to the other datasets alone, and how "
    "far these speak for the images at hand is estimated from both (agreement, from 0 to 1). Decided by "
    "balanced accuracy where the metric is accuracy.",
    f"A point is a hundredth of the metric. Less than {MARGIN:g} point counts as no difference in practice. "
    f"Decided: with a probability of at least {SURE:.0%}, no other method is better by more than that; else "
    "undecided, and the best so far is named.",
    "Better than the control and behind the leader: said from these runs alone, levels averaged first, a seed "
    "being one observation; t-tests with moderated variances; of the error rate of 5 %, half is shared by the "
    "comparisons with the control, half by all pairs of methods, both by all tables of the report. With fewer than "
    f"{MIN_SEEDS} seeds none is called. Within {MARGIN:g} point: the whole 95 % interval of the difference on "
    "these runs lies inside; not corrected for the number of methods. The advised method is picked from many: its "
    "interval over the control holds for any of them at once (Bonferroni).",
    VARIANTS_RULE,
    "A cheaper method never replaces the advised one; it is named where it is within the margin, takes at most "
    "half the steps and saves at least a minute a training.",
    "Seeds draw the split, the subset and the training anew from the same pool of images: the intervals are "
    "about such draws, and do not cover images of another kind.",
    "Scored on itself: advice made from at most three seeds, read off the seeds left out; `regret.md` has "
    "every level. At most: against the best on the very seeds that score it, which was lucky too. At least: "
    "against what all other seeds call best.",
]

ALONE = (
    "Each image is taken for a thing of its own. Where several show one (patches of a photograph, views of a part, one "
    "patient), these accuracies are of things trained on, and the choice cannot be trusted: run again with the thing "
    "as group, `--dataset grouped:/path` where names tell it (part12_1.png, part12_2.png), or "
    "`--dataset table:/path/labels.csv` with columns image, label and group."
)
"""A folder says nothing of what its images share."""


def headline(advice: Advice) -> str:
    """Say in one sentence what to do: one method, and at which levels another one."""
    elsewhere = [f"at {levels_text(each.places)}, {each.label}" for each in advice.apart]
    return "; ".join([_use(advice), *elsewhere]) + "."


def _use(advice: Advice) -> str:
    choice = advice.choice
    if choice.decided and advice.control in choice.equals:
        return f"Use {choice.label}; plain {advice.control} is within {MARGIN:g} point of it here, and will do"
    if choice.decided:
        return f"Use {choice.label}"
    between = f" between it and {choice.rival}" if choice.rival else ""
    return f"Use {choice.label} for now; undecided{between}"


def sentences(advice: Advice, metric: str, scored: str = "") -> list[str]:
    """Say how sure the advice is, what it rests on, and where another method is expected to do better.

    Where files in a row look alike, that stands first: then nothing that follows can be trusted.

    Args:
        advice: the decision.
        metric: what was asked for.
        scored: how such advice did on seeds left out (`scored_text`).
    """
    result = [
        *([f"{advice.in_a_row}."] if advice.in_a_row else []),
        *_undecided(advice),
        _odds(advice, metric),
        *([_basis(advice)] if advice.choice.gain[0] == advice.choice.gain[0] else []),
    ]
    result += [_apart(choice, advice.control) for choice in advice.apart]
    result += [_unsure(advice.unsure)] if advice.unsure else []
    result += _gaps(advice)
    result += [_called(advice)]
    if advice.choice.equals:
        names = listed(advice.choice.equals, NAMED)
        result.append(f"Shown to be within {MARGIN:g} point of {advice.choice.label} by these runs: {names}.")
    if advice.cheaper:
        result.append(f"{advice.cheaper} is one of them, in at most half the steps.")
    if advice.dataset.startswith("folder:") and not advice.in_a_row:
        result.append(ALONE)
    return result + ([scored] if scored else [])


def where(advice: Advice) -> str:
    """Name the dataset, protocol and levels that the advice is about."""
    return f"{dataset_title(advice.dataset)}, {advice.protocol}: {levels_text(advice.choice.places)}"


def levels_text(places: Sequence[Place]) -> str:
    """Name some levels of one protocol: `IR 10, 20 and 80`."""
    protocol, levels = places[0].protocol, [place.level for place in places]
    if len(levels) == 1:
        return level_name(protocol, levels[0])
    values = [number(level) for level in levels]
    joined = f"{', '.join(values[:-1])} and {values[-1]}"
    return f"{joined} minority images" if protocol == "few" else f"IR {joined}"


def scored_text(table: pd.DataFrame, control: str, place: str = "") -> str:
    """Say how advice made from some seeds did on the seeds left out; nothing where none was scored."""
    if table.empty:
        return ""
    seeds = " or ".join(f"{int(n)}" for n in sorted(table["seeds"].unique()))
    means, shown = table.mean(numeric_only=True), over_levels(table)
    rivals = "".join(
        f", {text} {shown.text(means[name])}"
        for name, text in (("best_mean", "the best mean of those seeds"), ("others", "other datasets alone"))
        if means[name] == means[name]
    )
    at = f" {place}" if place else ""
    return (
        f"Scored on itself{at}: advice from {counted(seeds, 'seed')} reached {shown.text(means['advice'])} "
        f"points on the seeds left out (mean over {counted(len(table), 'level')}){rivals}, "
        f"{control} {shown.text(means['control'])}; the best in hindsight, its luck included, "
        f"{shown.text(means['hindsight'])}: at most {shown.text(means['upper'])} lost, "
        f"at most {beside(float('nan')).text(table['upper'].max())} at the worst level."
    )


def _undecided(advice: Advice) -> list[str]:
    """Say what the best so far gained, and what would decide; nothing where it is decided."""
    choice = advice.choice
    if choice.decided:
        return []
    measured = choice.measured
    gain = "" if measured is None else f", {_measured(measured)} over {advice.control}"
    unlike = advice.datasets and measured and measured.difference < 0
    against = " by what other datasets say, though not on these runs" if unlike else ""
    return [f"Best so far{against}: {choice.label}{gain}{_more(choice)}."]


def _odds(advice: Advice, metric: str) -> str:
    choice, title = advice.choice, METRICS[decided_by(metric)].words
    return (
        f"With {counted(advice.seeds, 'seed')} and {counted(advice.methods, 'method')}, the probability is "
        f"{_percent(choice.within)} that {choice.label} is within {MARGIN:g} point of the best in {title}, "
        f"{_percent(choice.best)} that it is the best; the expected loss is {_loss(choice)}."
    )


def _loss(choice: Choice) -> str:
    text = beside(choice.spread).text(choice.shortfall)
    return "under 1 point" if text == "0" else f"{text} points"


def _basis(advice: Advice) -> str:
    choice, (mean, low, high) = advice.choice, advice.choice.gain
    if choice.label == advice.control:
        return "That is the control itself: nothing is expected to do better."
    parts = [f"Expected over {advice.control}: {_interval(mean, low, high)}"]
    if choice.measured is not None:
        parts.append(f"these runs alone say {_measured(choice.measured)}")
    if advice.datasets:
        known = f"{counted(advice.datasets, 'other dataset')} alone {_points(choice.prior_gain, high - low)}"
        parts.append(f"{known} (agreement {advice.rho:.1f})")
    else:
        parts.append("no other dataset speaks")
    return f"{parts[0]}; {', '.join(parts[1:])}."


def _apart(choice: Choice, control: str) -> str:
    mean, low, high = choice.gain
    gain = "" if mean != mean else f" (expected {_points(mean, high - low)} points over {control})"
    return f"At {levels_text(choice.places)} alone, {choice.label} is expected to be better{gain}: use it there."


def _unsure(levels: Sequence[Choice]) -> str:
    each = [
        f"{_percent(choice.within)} at {levels_text(choice.places)}" + (f" (or {choice.rival})" if choice.rival else "")
        for choice in levels
    ]
    return f"Level by level it is less sure that nothing is better by more than {MARGIN:g} point: {', '.join(each)}."


def _gaps(advice: Advice) -> list[str]:
    """Name the methods that have not run everywhere, and say how they are judged."""
    named = (
        (advice.fewer, "Judged by fewer seeds than the others, and so less surely"),
        (advice.partial, "Not candidates for all levels, having run at some of them only"),
    )
    return [f"{text}: {listed(names, NAMED)}." for names, text in named if names]


def _called(advice: Advice) -> str:
    if advice.seeds < MIN_SEEDS:
        return f"With {counted(advice.seeds, 'seed')} these runs alone cannot tell a difference from chance: add seeds."
    better = listed(advice.better, NAMED) if advice.better else "none"
    text = f"By these runs alone, corrected for the many comparisons: better than {advice.control}: {better}"
    behind = listed(advice.behind, NAMED) if advice.behind else "none"
    text = f"{text}; behind {advice.leader}, the best mean: {behind}."
    return f"{text} Such a run calls a true gain of {advice.detectable:.0f} points in four of five cases."


def _measured(pair: Comparison) -> str:
    if pair.seeds < MIN_SEEDS:
        return f"{pair.difference:+.1f} points"
    return _interval(pair.difference, pair.lowest, pair.highest)


def _interval(mean: float, low: float, high: float) -> str:
    """Write points with their interval; a decimal only where the interval is narrow enough to carry it."""
    shown = [_points(value, high - low) for value in (mean, low, high)]
    return f"{shown[0]} points [95 % {shown[1]}, {shown[2]}]"


def _points(value: float, wide: float) -> str:
    """Write points beside an interval so wide."""
    return signed(value, beside(wide))


def _more(choice: Choice) -> str:
    if not choice.rival:
        return ""
    if choice.more_seeds is None:
        return f"; no affordable number of seeds would tell it from {choice.rival}"
    return f"; about {counted(choice.more_seeds, 'more seed')} would tell it from {choice.rival}"


def _percent(share: float) -> str:
    return "over 99 %" if share > 0.99 else "under 1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")
