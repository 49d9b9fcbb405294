"""A user's plugins, one file of each kind; the tests put them into a project, or into an installed package."""

from __future__ import annotations

FILES = {
    "scorers/polite.py": """
        from evalkit.core import Score, Scorer
        from evalkit.scoring.metrics import mean

        META = {"name": "polite", "summary": "Whether a reply holds a polite word"}

        def scorer(*, words: tuple[str, ...] = ("please",)) -> Scorer:
            async def score(sample, replies):
                return (Score("polite", float(any(word in replies[0].texts[0] for word in words))),)
            return Scorer("polite", score, ("polite",), (mean("polite"),))
    """,
    "metrics/best.py": """
        from evalkit.core import Estimate, Metric

        META = {"name": "best", "summary": "The highest value of a score"}

        def metric(*, score: str, bonus: float = 0.0) -> Metric:
            def estimate(rows, clusters):
                return Estimate(float(rows.max()) + bonus, float("nan"), float("nan"), len(rows), "none")
            return Metric("best", lambda record: (record.value(score),), estimate)
    """,
    "methods/shouted.py": """
        from dataclasses import replace
        from evalkit.core import Method
        from evalkit.prompting.methods import generate

        META = {"name": "shouted", "summary": "Ask for a text and write it in capitals"}

        def method(*, mark: str = "") -> Method:
            plain = generate(max_tokens=8)
            async def ask(attempt, model):
                (reply,) = await plain.ask(attempt, model)
                return (replace(reply, texts=(reply.texts[0].upper() + mark,)),)
            return replace(plain, name="shouted", ask=ask)
    """,
    "models/echo.py": """
        from evalkit.core import Capabilities, Generate, Identity, Reply

        META = {"name": "echo", "summary": "Says its name and the end of the question"}

        class Echo:
            capabilities = Capabilities(frozenset({Generate}))
            def __init__(self, name, tail):
                self.identity = Identity(f"echo/{name}", (("tail", str(tail)),))
                self._name, self._tail = name, tail
            async def answer(self, request):
                return Reply(texts=(f"{self._name} {request.prompt.text[-self._tail:]}",))
            async def close(self):
                pass

        def model(name: str, /, *, tail: int = 7):
            return Echo(name, tail)
    """,
    "judges/brief.py": """
        from evalkit.core import Judge, Score, Verdict

        META = {"name": "brief", "summary": "1 where a reply has at most `words` words"}

        def judge(*, words: int = 5) -> Judge:
            async def verdict(sample, replies):
                return Verdict((Score("brief", float(len(replies[0].texts[0].split()) <= words)),))
            return Judge("brief", verdict)
    """,
    "reports/lines.py": """
        META = {"name": "lines", "summary": "One line a task"}

        def report(runs, /, *, mark: str = "*") -> str:
            return "".join(f"{mark} {run.model} {task}\\n" for run in runs for task in run.tasks)
    """,
    "commands/greet.py": '''
        import click

        META = {"name": "greet", "summary": "Greet somebody"}

        @click.command()
        @click.argument("who")
        def command(who):
            """Greet WHO."""
            click.echo(f"hello {who}")
    ''',
    "tasks/manners.yaml": """
        name: manners
        summary: Questions that ask for manners
        data: ../rows.jsonl
        prompt: "{{ question }}"
        answer: "{{ answer }}"
        method: {shouted: {mark: "!"}}
        scorers: [{polite: {words: [PLEASE, PRAY]}}, {judge: "brief,words=4"}]
        metrics: [polite, brief, {best: {score: polite, bonus: 0.5}}]
    """,
}
ROWS = '{"question": "say please", "answer": "a"}\n{"question": "say thanks", "answer": "b"}\n'
NAMES = {
    "scorers": "polite",
    "metrics": "best",
    "methods": "shouted",
    "models": "echo/NAME",
    "judges": "brief",
    "reports": "lines",
    "commands": "greet",
    "tasks": "manners",
}
