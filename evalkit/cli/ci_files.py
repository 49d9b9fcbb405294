"""What `evalkit init --ci` writes: a suite, a policy, and the job that gates every change."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BASELINE", "CI", "NEXT", "SUITE"]

SUITE, POLICY, BASELINE = "gate-suite.yaml", "gate.yaml", "baseline.evalkit"

_SUITE = """\
# yaml-language-server: $schema=.evalkit/suite.schema.json
# What the gate runs. These are toy sets, small and made up, to try the gate with: put your own tasks here.
tasks: [toy_mmlu, toy_squad]
# The model that a pull request changes.
models: [tiny]
seed: 1
"""

_POLICY = """\
# yaml-language-server: $schema=.evalkit/policy.schema.json
# The largest drop that passes. The toy sets are too small for less than this; `evalkit gate plan --policy gate.yaml`
# says what your sets can tell. 2% is the default.
margin: 13%
baseline: baseline.evalkit
"""

_GITHUB = """\
name: gate
on: pull_request
jobs:
  gate:
    runs-on: ubuntu-latest
    permissions: {contents: read, pull-requests: write}
    steps:
      - uses: actions/checkout@v4
        with: {fetch-depth: 0}
      # Put evalkit's repository here, at a tag.
      - uses: OWNER/evalkit@REF
        with:
          candidate: gate-suite.yaml
          policy: gate.yaml
          # The baseline of the branch that is merged into: no pull request moves its own.
          baseline-ref: ${{ github.event.pull_request.base.sha }}
          baseline: baseline.evalkit
          comment: "true"
"""

_GITLAB = """\
gate:
  image: python:3.12
  rules: [{if: $CI_PIPELINE_SOURCE == "merge_request_event"}]
  variables: {GIT_DEPTH: 0}
  script:
    # EVALKIT_GIT is a CI variable: where your copy of evalkit's repository lies.
    - pip install "evalkit-harness[local] @ git+$EVALKIT_GIT"
    # The baseline of the branch that is merged into: no merge request moves its own.
    - git fetch origin "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME"
    - evalkit gate run gate-suite.yaml --policy gate.yaml --baseline-ref FETCH_HEAD --baseline baseline.evalkit
      --junit gate.xml --markdown gate.md
  allow_failure: {exit_codes: [4]}   # INCONCLUSIVE alone is a warning; FAIL and WORSE end with 1 and stay red
  artifacts:
    when: always
    paths: [gate.md]
    reports: {junit: gate.xml}
"""

CI: Mapping[str, Mapping[str, str]] = {
    "github": {SUITE: _SUITE, POLICY: _POLICY, ".github/workflows/gate.yml": _GITHUB},
    "gitlab": {SUITE: _SUITE, POLICY: _POLICY, ".gitlab-ci.yml": _GITLAB},
}
"""By provider: the files, by their place in the project."""

NEXT = (
    f"evalkit run {SUITE} --out runs/base",
    f"evalkit baseline save runs/base {BASELINE}",
    'git add -A && git commit -m "Add a gate"',
)
"""The commands that come next, in the project's folder."""
