# Two commands do everything on a fresh machine: `make demo` and `make test`. Each target works alone on a fresh clone.
PYTHON ?= python3.11
PORT ?= 8000
ARGS ?=
NAME ?= web kill desk export
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo run test check bench migrations
.DEFAULT_GOAL := check

demo: .venv/train
	$(BIN)/python -m demo --port $(PORT) $(ARGS)

run: .venv/train
	$(BIN)/python manage.py serve --port $(PORT) $(ARGS)

# A worker does a file whole, in the order of tests/conftest.py. PostgreSQL is for the light tests that use a database.
test check: export PYTHONDONTWRITEBYTECODE :=  # every run of pytest would compile all tests anew
test: .venv/dev check
	$(BIN)/python -m pytest -n 2 -m browser tests/browser $(ARGS)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "heavy and not browser" $(ARGS)
	$(BIN)/python -m tests.postgres $(BIN)/python -m pytest -n auto --only-database -m "not heavy and not browser" $(ARGS)

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m pytest -n auto -m "not heavy and not browser"

bench: .venv/dev  # make bench NAME=web: bench/web.py; without a name, those that need nothing but this machine
	for name in $(NAME); do $(BIN)/python -m bench.$$name $(ARGS) || exit 1; done

migrations: .venv/dev  # 0002_search.py is written by hand and stays; under its other name Django does not look for what it follows
	rm -f annotation/migrations/0001_*.py training/migrations/0*.py evals/migrations/0*.py
	mv annotation/migrations/0002_search.py annotation/migrations/_0002_search.py
	$(BIN)/python manage.py makemigrations annotation training evals; status=$$?; \
		mv annotation/migrations/_0002_search.py annotation/migrations/0002_search.py; exit $$status

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/train: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet -c constraints.txt -e ".[train,postgres]"
	touch $@

.venv/dev: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet -c constraints.txt -e ".[train,postgres,dev]"
	touch $@ .venv/train
