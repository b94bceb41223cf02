# Each target calls a command-line tool in `.venv`, which is created first if it is missing.
PYTHON ?= python3
BIN := .venv/bin
# TensorFlow logs to stderr while it starts, which looks like an error.
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test style quick tests test-all record hostile lab pictures release grade check bench dist site notebooks doctor lint setup clean

demo: setup            ## release a unit, play a class, grade it, report on it
	$(BIN)/autograder demo

test: style tests      ## style, imports, types, and every kind of test once (docs/testing.md)

style: setup           ## style, imports and types; nothing is changed
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/lint-imports && $(BIN)/mypy

quick: style           ## style, and the tests that import or read what has changed since the last commit
	$(BIN)/pytest -n auto --changed

tests: setup           ## the tests alone
	$(BIN)/pytest -n auto

test-all: setup        ## every test, on every name, mutant, attack and isolation
	KILLS=20 $(BIN)/pytest -n auto --whole

record: setup          ## rerun whatever has changed since its ledger was written
	$(BIN)/autograder release --check --record && $(BIN)/pytest -n auto --record

hostile: setup         ## grade only the class of hostile submissions (about four minutes)
	$(BIN)/pytest --whole tests/hostile

lab: setup             ## JupyterLab for students: a start page, lectures and assignments
	$(BIN)/course lab

pictures: setup        ## the README's pictures, of a lecture, a failing test and the demo's report
	$(BIN)/python docs/pictures/take.py

release: setup         ## solutions/ -> assignments/, through the gates
	$(BIN)/autograder release

grade: setup           ## grade submitted/
	$(BIN)/autograder grade

check: setup           ## only the gates: nothing is written
	$(BIN)/autograder release --check

bench: setup           ## timings: of grading and networks as ratios, and how long a student waits
	$(BIN)/autograder bench && $(BIN)/course bench
	$(BIN)/python -m tests.browser.timings

dist: setup            ## sdist and wheel in dist/, and the demo from the installed wheel
	rm -rf dist build/dist
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m build
	$(PYTHON) -m venv build/dist
	PIP_CONSTRAINT=constraints.txt build/dist/bin/pip install --quiet dist/*.whl
	mkdir build/dist/project && tar -xzf dist/*.tar.gz -C build/dist/project --strip-components=1
	rm -r build/dist/project/course build/dist/project/autograder
	cd build/dist/project && ../bin/autograder demo

site: setup            ## the site: lectures, assignments, networks, reference, guides
	$(BIN)/autograder site

notebooks: setup       ## synchronize each NN_topic.py with its .ipynb; the newer one wins
	$(BIN)/autograder notebooks

doctor: setup          ## what this machine can and cannot do
	$(BIN)/autograder doctor

lint: setup            ## fix style where possible, then check it, imports and types
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .
	$(MAKE) style

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt setup.sh
	@PYTHON=$(PYTHON) sh setup.sh

clean:
	rm -rf .venv demo build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis *.egg-info
