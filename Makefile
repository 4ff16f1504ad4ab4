# The developer's whole interface: make setup | demo | lint | test | test-long | soak | docs | protos | format | firmware | fuzz
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.handrail-ready

.PHONY: setup demo test test-real-time test-long test-long-real-time soak docs protos format lint firmware fuzz

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt setup.sh tests/wire/peers/package-lock.json
	@bash setup.sh $(VENV)
	@touch $(STAMP)

demo: setup
	@$(VENV)/bin/handrail demo $(ARGS)

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# What runs in real time comes first; the rest has what that leaves of the machine, its longest files first.
REAL_TIME := tests/cell tests/wire tests/soak
LONGEST := tests/fuzz tests/virtual tests/bench
OTHERS := $(filter-out %/__pycache__ $(REAL_TIME) $(LONGEST),$(patsubst %/,%,$(wildcard tests/*/ tests/test_*.py)))
REST := -o cache_dir=.pytest_cache/rest $(LONGEST) $(OTHERS)
BOTH_CORES := -n 2 --no-loadscope-reorder
QUICK := -m 'not long and not soak' --timeout 600
LONG := -m 'long and not soak' --timeout 3600

# Virtual cores stall: what failed in a half is tried once more, alone and in cells of its own, for all to see.
FAILED_ONCE := --last-failed --last-failed-no-failures none -v
HALVES = $(PY) tests/beside.py "$(1)" "$(MAKE) --no-print-directory $@-real-time" "$(PY) -m pytest $(2) $(REST) $(FAILED_ONCE)"

test: setup
	@$(call HALVES,$(MAKE) --no-print-directory lint && $(PY) -m pytest $(BOTH_CORES) --dist loadfile $(QUICK) $(REST),$(QUICK))

test-long: setup
	@$(call HALVES,$(PY) -m pytest $(BOTH_CORES) --dist load $(LONG) $(REST),$(LONG))

test-real-time: setup
	$(PY) -m pytest $(QUICK) $(REAL_TIME) || { [ $$? -eq 1 ] && $(PY) -m pytest $(QUICK) $(FAILED_ONCE) $(REAL_TIME); }

test-long-real-time: setup
	$(PY) -m pytest $(LONG) $(REAL_TIME) || { [ $$? -eq 1 ] && $(PY) -m pytest $(LONG) $(FAILED_ONCE) $(REAL_TIME); }

# HANDRAIL_SOAK=600 make soak: for so many seconds
soak: setup
	$(PY) -m pytest -m soak -s

# The documentation with its reference, in out/site; a broken link is an error.
docs: setup
	$(VENV)/bin/mkdocs build --strict

protos: setup
	$(PY) protos/generate.py
	$(PY) protos/generate_link.py

format: setup
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

firmware: setup
	@$(MAKE) --no-print-directory -C firmware

# FUZZ_SECONDS=1800 make fuzz
fuzz: setup
	@$(MAKE) --no-print-directory -C firmware fuzz
