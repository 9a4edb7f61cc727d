"""A history as text: every request, fault, start and record, in the order in which they happened.

Knows how to write it so that people can follow; equal seeds give equal bytes.
"""

from tests.simulation.evidence import Evidence


def trace(evidence: Evidence, violations: list[str]) -> str:
    """Write a history down."""
    lines = list(evidence.history.notes)
    for topic, facts in (
        ("tasks", evidence.task_facts),
        ("due", evidence.due_facts),
        ("executions", evidence.run_facts),
    ):
        for fact in facts:
            place = f"{topic}/{fact.partition}@{fact.offset}"
            told = {name: value for name, value in fact.said.items() if name != "tenant"}
            lines.append((fact.at, place, f"{fact.kind} {told}"))
    lines.sort(key=lambda line: line[0])
    head = [
        f"seed {evidence.switches.seed}",
        str(evidence.switches),
        f"quiet from {evidence.history.quiet_from:.3f}, ended at {evidence.history.ended_at:.3f}",
        *violations,
        "",
    ]
    return "\n".join([*head, *(f"{at:10.6f}  {who:<22} {what}" for at, who, what in lines), ""])
