"""Face: a CI job's own shell, made ready by lines that it reads. Used by the templates in gitlab/,
which install gatepass and then run `python -I -m gatepass.job FOLDER`."""
