"""The addressed field against a dense Gaussian solution in numpy (L1–L4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sporewright.policy.field import AddressedField

LAYERS = ("workspace", "task", "device")
Path = tuple[str, ...]

variances = st.floats(-3, 3).map(lambda exponent: 10.0**exponent)
numbers = st.floats(-10, 10)
paths = st.lists(st.sampled_from("ab"), max_size=3).map(tuple)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("observe"), paths, numbers, variances),
        st.tuples(st.just("observe"), paths, numbers, variances),
        st.tuples(st.just("prior"), paths, numbers),
        st.tuples(st.just("discount"), paths, st.floats(0, 1)),
        st.tuples(st.just("compact"), paths.filter(bool)),
    ),
    min_size=1,
    max_size=14,
)


@dataclass
class Dense:
    """The same beliefs as one joint Gaussian over all residuals; slow, and obviously the definition."""

    process: list[float]
    priors: dict[Path, float] = field(default_factory=dict)
    evidence: list[tuple[Path, float, float]] = field(default_factory=list)
    """(path, precision, information) about the sum down to the path."""

    def step(self, name: str, path: Path, *numbers: float) -> None:
        """One step of the program."""
        if name == "observe":
            value, variance = numbers
            self.evidence.append((path, 1 / variance, value / variance))
        elif name == "prior":
            self.priors[path] = numbers[0]
        elif name == "discount":
            factor = numbers[0]
            scaled = [(at, p * factor, i * factor) if at == path else (at, p, i) for at, p, i in self.evidence]
            self.evidence = [each for each in scaled if each[1] > 0]
        else:
            self._compact(path)

    def posterior(self, path: Path) -> tuple[float, float]:
        """Mean and variance of the sum down to the path, in the precision form of the joint Gaussian."""
        nodes = sorted({at[:n] for at, _, _ in [*self.evidence, (path, 0, 0)] for n in range(len(at) + 1)})
        process = np.array([self.process[len(node)] for node in nodes])
        prior = np.array([self.priors.get(node, 0.0) for node in nodes])
        rows = self._rows([at for at, _, _ in self.evidence], nodes)
        precision = np.array([p for _, p, _ in self.evidence])
        information = np.array([i for _, _, i in self.evidence])
        joint = np.diag(1 / process) + rows.T @ (precision[:, None] * rows)
        wanted = self._rows([path], nodes)[0]
        mean = wanted @ np.linalg.solve(joint, prior / process + rows.T @ information)
        return float(mean), float(wanted @ np.linalg.solve(joint, wanted))

    @staticmethod
    def _rows(ats: list[Path], nodes: list[Path]) -> Any:
        return np.array([[float(at[: len(node)] == node) for node in nodes] for at in ats]).reshape(
            len(ats), len(nodes)
        )

    def _compact(self, path: Path) -> None:
        """The subtree's evidence on its parent's sum: y = s(parent) + e, e what lies between them and the noise."""
        below = [each for each in self.evidence if each[0][: len(path)] == path]
        self.evidence = [each for each in self.evidence if each not in below]
        if below:
            nodes = sorted({at[:n] for at, _, _ in below for n in range(len(path), len(at) + 1)})
            rows = self._rows([at for at, _, _ in below], nodes)
            prior = rows @ np.array([self.priors.get(node, 0.0) for node in nodes])
            noise = np.diag([1 / p for _, p, _ in below])
            spread = rows @ np.diag([self.process[len(node)] for node in nodes]) @ rows.T + noise
            ones = np.linalg.solve(spread, np.ones(len(below)))
            measured = np.array([i / p for _, p, i in below])
            self.evidence.append((path[:-1], float(ones.sum()), float(ones @ (measured - prior))))
        self.priors = {at: prior for at, prior in self.priors.items() if at[: len(path)] != path}


def run(field: AddressedField, step: tuple[Any, ...]) -> None:
    """The step on the field."""
    name, path, *numbers = step
    writer, address = field.root_writer(), field.address(path)
    if name == "observe":
        writer.observe(address, "o", "d", *numbers)
    elif name == "prior":
        writer.set_prior(address, "o", "d", *numbers)
    elif name == "discount":
        writer.discount(address, "o", "d", *numbers)
    else:
        writer.compact(address, "o", "d")


@settings(max_examples=300, deadline=None)
@given(st.lists(variances, min_size=4, max_size=4), steps, paths)
def test_the_field_is_the_dense_solution(process: list[float], program: list[tuple[Any, ...]], asked: Path) -> None:
    """L1–L4: after any program the mean and variance anywhere are the joint Gaussian's, to 1e-9."""
    beliefs = AddressedField(LAYERS, dict(zip(LAYERS, process[1:], strict=True)), process[0])
    dense = Dense(process)
    for step in program:
        dense.step(*step)
        run(beliefs, step)
    # A node everybody can ask, so that there is an answer wherever we look.
    run(beliefs, ("prior", (), dense.priors.get((), 0.0)))

    trace = beliefs.decide(beliefs.address(asked)).alternative("o").trace("d")
    mean, variance = dense.posterior(asked)
    assert abs(trace.variance - variance) <= 1e-9 * variance
    assert abs(trace.mean - mean) <= 1e-9 * max(abs(mean), variance**0.5, 1e-3)


@settings(max_examples=150, deadline=None)
@given(st.lists(variances, min_size=4, max_size=4), steps, paths.filter(bool))
def test_compaction_moves_nobody_else(process: list[float], program: list[tuple[Any, ...]], retired: Path) -> None:
    """L4: folding a subtree changes no decision outside it, not in the last bit."""
    beliefs = AddressedField(LAYERS, dict(zip(LAYERS, process[1:], strict=True)), process[0])
    for step in program:
        run(beliefs, step)
    others = [
        beliefs.address(path)
        for path in [(), ("a",), ("b",), ("a", "a"), ("a", "b"), ("b", "a", "b"), ("a", "b", "a"), ("c", "c")]
        if path[: len(retired)] != retired
    ]

    def seen() -> list[list[tuple[str, float, float]]]:
        decisions = [beliefs.decide(address, 0.5) for address in others]
        return [[(each.option, each.score, each.variance) for each in found.alternatives] for found in decisions]

    before = seen()
    beliefs.root_writer().compact(beliefs.address(retired))
    assert seen() == before


@settings(max_examples=150, deadline=None)
@given(steps, st.randoms(use_true_random=False))
def test_neither_order_nor_a_round_trip_shows(program: list[tuple[Any, ...]], chance: Any) -> None:
    """L2, R7: the same declarations and measurements in any order, by way of JSON or not, are the same field."""
    declared = {step[1]: step for step in program if step[0] == "prior"}
    facts = [*declared.values(), *(step for step in program if step[0] == "observe")]
    shuffled = list(facts)
    chance.shuffle(shuffled)
    one, two = AddressedField(LAYERS), AddressedField(LAYERS)
    for step in facts:
        run(one, step)
    for step in shuffled:
        run(two, step)
        two = AddressedField.from_json(two.to_json())

    assert one.to_json() == two.to_json()
    address = one.address(("a", "b"))
    assert one.decide(address, 1.0) == two.decide(address, 1.0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(numbers, variances), min_size=3, max_size=9), st.randoms(use_true_random=False))
def test_measurements_at_one_place_have_no_order(seen: list[tuple[float, float]], chance: Any) -> None:
    """L2, R7: three or more of them at one place add up to the same, to the last bit, whichever came first."""
    shuffled = list(seen)
    chance.shuffle(shuffled)
    one, two = AddressedField(LAYERS), AddressedField(LAYERS)
    for beliefs, order in ((one, seen), (two, shuffled)):
        for value, variance in order:
            run(beliefs, ("observe", ("a",), value, variance))

    assert one.to_json() == two.to_json()


@settings(max_examples=100, deadline=None)
@given(steps, paths, numbers, variances)
def test_what_is_forgotten_leaves_no_trace(
    program: list[tuple[Any, ...]], path: Path, value: float, variance: float
) -> None:
    """L3: one more measurement at a declared place, forgotten again, gives the field as it was, to the last bit."""
    beliefs = AddressedField(LAYERS)
    for step in program:
        run(beliefs, step)
    run(beliefs, ("prior", path, 0.0))
    run(beliefs, ("discount", path, 0.0))
    before = beliefs.to_json()
    asked = beliefs.decide(beliefs.address(path))

    run(beliefs, ("observe", path, value * 1e12, variance))
    run(beliefs, ("discount", path, 0.0))
    assert beliefs.to_json() == before
    assert beliefs.decide(beliefs.address(path)) == asked


@settings(max_examples=150, deadline=None)
@given(steps, paths, paths)
def test_forgetting_all_is_the_limit_of_forgetting_nearly_all(
    program: list[tuple[Any, ...]], path: Path, asked: Path
) -> None:
    """L3: a factor of 0 leaves the candidates that a tiny factor leaves, and nearly its means and variances."""
    decisions = []
    for factor in (0.0, 1e-14):
        beliefs = AddressedField(LAYERS)
        for step in program:
            run(beliefs, step)
        run(beliefs, ("discount", path, factor))
        decisions.append(beliefs.decide(beliefs.address(asked)).alternatives)

    forgotten, nearly = decisions
    assert [each.option for each in forgotten] == [each.option for each in nearly]
    for one, two in zip(forgotten, nearly, strict=True):
        assert abs(one.variance - two.variance) <= 1e-6 * two.variance
        assert abs(one.expected - two.expected) <= 1e-6 * max(1.0, abs(two.expected))
