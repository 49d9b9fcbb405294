"""The forms a gate's answer is given in: terminal, Markdown, JUnit XML, JSON, GitHub's annotations and job summary."""

from evalkit.comparing.gates.outputs.as_json import as_json, to_json
from evalkit.comparing.gates.outputs.github import summarise, workflow_commands
from evalkit.comparing.gates.outputs.junit import junit
from evalkit.comparing.gates.outputs.markdown import markdown
from evalkit.comparing.gates.outputs.terminal import show

__all__ = ["as_json", "junit", "markdown", "show", "summarise", "to_json", "workflow_commands"]
