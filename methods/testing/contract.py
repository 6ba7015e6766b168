"""The contract that every method must pass, this suite's and yours: `methods.testing.check_method(YourMethod)`.

Each clause is a function of `CLAUSES`; it trains on tiny data and raises AssertionError with the reason.
"""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from methods import registry
from methods.base import Method, NetworkMethod
from methods.testing.tiny import STEPS, made_data, tiny_context
from methods.testing.trained import Make, global_seed, logits_of, tensors
from methods.training import loop
from methods.training.context import Meter
from methods.training.stages import covered

__all__ = ["CLAUSES", "STEPS", "check_method", "made_data", "tiny_context"]


def check_method(method: str | type[Method], clauses: Sequence[str] | None = None, **parameters: Any) -> None:
    """Check a method against the contract.

    Args:
        method: a registered name, or a class.
        clauses: names from `CLAUSES`; all by default.
        **parameters: of the method.

    Raises:
        AssertionError: it fails a clause; the message names the clause and says why.
    """
    cls = registry.get(method) if isinstance(method, str) else method
    make = Make(lambda: cls(**parameters))
    for name in clauses if clauses is not None else CLAUSES:
        try:
            CLAUSES[name](make)
        except Exception as error:  # whatever it raises, the clause is not kept
            reason = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            raise AssertionError(f"method {cls.name or cls.__name__!r} fails clause {name!r}: {reason}") from error


def trains(make: Make) -> None:
    """It trains on tiny data and gives (N, C) finite float logits on the CPU; before training it says what is amiss."""
    try:
        make().predict_logits(made_data(method=make()).images)
    except RuntimeError:
        pass
    else:
        raise AssertionError("predict_logits answers before fit has been called; it must raise RuntimeError")
    assert make.trained.logits.isfinite().all()


def two_and_ten_classes(make: Make) -> None:
    """It works with 2 classes and with 10."""
    for counts in ((12, 4), (12, 9, 7, 6, 5, 4, 4, 3, 3, 2)):
        logits_of(make(), made_data(counts, method=make()))


def one_image_in_a_class(make: Make) -> None:
    """It works where a class has a single image, and where all classes are of one size."""
    for counts in ((12, 5, 1), (6, 6)):
        logits_of(make(), made_data(counts, method=make()))


def grey_and_colour(make: Make) -> None:
    """It trains end to end on images, grey and in colour."""
    for channels in (1, 3):
        logits_of(make(), made_data(channels=channels))


def deterministic(make: Make) -> None:
    """The same seed gives the same logits, bit for bit, whatever the global random state, which it leaves alone."""
    if make.trained.drawn:
        raise AssertionError(
            f"it draws from the global random state of {', '.join(make.trained.drawn)}; use context.generator"
        )
    with global_seed(2):
        again = logits_of(make(), made_data(method=make()))
    if not torch.equal(again, make.trained.logits):
        raise AssertionError("two trainings with the same seed differ; draw from context.generator or context.rng only")


def only_training_data(make: Make) -> None:
    """It changes neither the training data nor itself in predicting, and judges each image by itself."""
    method, train, logits = make.trained.method, make.trained.train, make.trained.logits
    if not all(torch.equal(a, b) for a, b in zip(make.trained.before, tensors(train), strict=True)):
        raise AssertionError("fit changes the training data in place, which other methods share")
    if not torch.equal(method.predict_logits(train.images), logits):
        raise AssertionError("predicting twice gives different logits: it learns or draws in predict_logits")
    if not torch.allclose(method.predict_logits(train.images[3:5]), logits[3:5], atol=1e-3, rtol=1e-3):
        raise AssertionError("the logits of an image depend on the other test images")


def frozen_parts(make: Make) -> None:
    """What a stage does not train is bit-identical after it, batch-norm statistics included."""
    method, train = make(), made_data(channels=3)
    if not isinstance(method, NetworkMethod):
        return
    context = tiny_context(train)
    with context.seeded("initial weights"):
        network = method.network(context, train)
    with context.seeded("training"):
        for phase in loop.phases(method, network, train, context):
            free = phase.stage.trainable + phase.stage.moving + phase.stage.restart
            before = {n: t.clone() for n, t in phase.network.state_dict().items() if not covered(n, free)}
            phase.run(method)
            moved = [n for n, t in before.items() if not torch.equal(t, phase.network.state_dict()[n])]
            if moved:
                raise AssertionError(f"{phase.purpose} changes what it says is frozen: {', '.join(moved[:3])}")


def equal_budget(make: Make) -> None:
    """It takes exactly the budget's gradient steps, over all stages and members, and counts them.

    An optimiser step that takes several of them (`step_cost`) may leave what does not suffice for another. A method
    that takes none at all, because it learns in another way, passes.
    """
    method, meter, taken = make.trained.method, make.trained.meter, make.trained.taken
    batch = tiny_context(make.trained.train).budget.batch_size
    network = isinstance(method, NetworkMethod)
    cost, stages = (method.step_cost, len(method.stages())) if isinstance(method, NetworkMethod) else (1, 1)
    if taken * cost != meter.steps:
        raise AssertionError(
            f"{taken * cost} gradient steps were taken and {meter.steps} counted in context.meter.steps"
        )
    if (network and stages) or taken:
        expected = Meter(STEPS, STEPS * batch)
        left = STEPS - meter.steps
        if not 0 <= left <= stages * (cost - 1) or meter.samples != meter.steps * batch:
            raise AssertionError(f"it spent {meter}, the budget is {expected}")


def step_without_waiting(make: Make) -> None:
    """One training step of each stage runs on the `meta` device: nothing in it reads a value back to the host."""
    method, train = make(), made_data(method=make())
    if not isinstance(method, NetworkMethod):
        return
    context, meta = tiny_context(train), torch.device("meta")
    with context.seeded("initial weights"):
        network = method.network(context, train)
    with context.seeded("training"):
        for phase in loop.phases(method, network, train, context):
            elsewhere = replace(
                phase,
                network=copy.deepcopy(phase.network).to(meta),
                train=phase.train.to(meta),
                context=replace(phase.context, device=meta, meter=Meter()),
                progress=phase.progress[-method.step_cost :],
            )
            try:
                elsewhere.run(method)
            except (RuntimeError, NotImplementedError, TypeError) as error:
                where = f"a step of {phase.purpose}"
                raise AssertionError(f"{where} reads values that are not there yet: {error}") from error
            phase.run(method)  # what comes after may need what it has learnt


def other_process(make: Make) -> None:
    """It survives being sent to another process, before and after training."""
    train, logits = make.trained.train, make.trained.logits
    try:
        pickle.dumps(make())
        sent = pickle.loads(pickle.dumps(make.trained.method))  # noqa: S301  # nosec B301
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise AssertionError(f"it cannot be sent to another process: {error}") from error
    if not torch.equal(sent.predict_logits(train.images), logits):
        raise AssertionError("after being sent to another process it predicts other logits")


def parameters_in_record(make: Make) -> None:
    """Its parameters survive being written to the record and read back, and so do its defaults."""
    method = make()
    try:
        written = json.dumps(method.model_dump(mode="json"))
    except (TypeError, ValueError) as error:
        raise AssertionError(f"a parameter cannot be written to a record: {str(error).splitlines()[0]}") from error
    again = type(method)(**json.loads(written))
    if again.model_dump() != method.model_dump():
        raise AssertionError(f"its parameters read back from {written} are {again.model_dump()}")
    unknown = set(method.search_space) - set(type(method).model_fields)
    if unknown:
        raise AssertionError(f"search_space has {', '.join(sorted(unknown))}, which is no parameter")


CLAUSES: dict[str, Callable[[Make], None]] = {
    clause.__name__.replace("_", "-"): clause
    for clause in (
        trains,
        two_and_ten_classes,
        one_image_in_a_class,
        grey_and_colour,
        deterministic,
        only_training_data,
        frozen_parts,
        equal_budget,
        step_without_waiting,
        other_process,
        parameters_in_record,
    )
}
"""The clauses of the contract by name."""
