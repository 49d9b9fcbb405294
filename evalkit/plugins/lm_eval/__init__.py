"""Tasks of lm-evaluation-harness, read from its folder of YAML as they lie there, as ordinary tasks and suites.

`lm-eval/NAME` is a task, a group or a tag of the installed `lm_eval` package, or of another folder with the option
`from=DIR`. Its YAML is data: listing and looking up run nothing. A task whose YAML names Python functions runs them
when it is loaded: those of the installed package, those of the project, and others where the user allows it
(`--allow-code`). The package itself is imported only by such functions.
"""
