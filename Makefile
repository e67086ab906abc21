# `make demo` and `make test` set everything up on a machine that has Python 3.11 or later, make and a compiler.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check coverage bounds pythons docs reproduce lock sbom clean

demo: .venv/.antivenom
	$(BIN)/antivenom demo

test: .venv/.dev
	scripts/check

check: .venv/.dev
	scripts/check --fast

# Other versions than those of .venv: minutes each, in an environment of their own.
bounds:
	scripts/check-versions lowest

pythons:
	scripts/check-versions 3.12
	scripts/check-versions 3.13

# All tests, with the share of lines that they run: at least 95 %.
coverage: .venv/.dev
	OMP_NUM_THREADS=1 $(BIN)/pytest --quiet --numprocesses 2 --cov --cov-report=term-missing

# The documentation, in build/site: strict, so that a broken link is an error.
docs: .venv/.dev
	$(BIN)/python scripts/gallery.py
	NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --quiet

# Published figures and figures of speed, on real data below $$ANTIVENOM_DATA: takes long.
reproduce: .venv/.dev
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.badnets
	$(BIN)/python -m benchmarks.poison_crafting
	$(BIN)/python -m benchmarks.poison_streams
	$(BIN)/python -m benchmarks.poison_detection
	$(BIN)/python -m benchmarks.features
	$(BIN)/python -m benchmarks.blame
	$(BIN)/antivenom run feature_study
	$(BIN)/python -m benchmarks.backdoored
	$(BIN)/python -m benchmarks.neural_cleanse
	$(BIN)/antivenom run neural_cleanse_mnist
	$(BIN)/python -m benchmarks.boundary
	$(BIN)/python -m benchmarks.playground
	$(BIN)/python -m benchmarks.neighbours
	$(BIN)/python -m benchmarks.large

# Writes requirements.lock, and the bill of materials of what it names, in build/sbom.json.
lock:
	scripts/lock

sbom:
	scripts/sbom

clean:
	rm -rf .venv build dist runs

.venv/.antivenom: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

# With LOCKED=1, as in CI: exactly the files of requirements.lock, by their SHA-256 sums (Linux, x86-64, Python 3.11).
.venv/.dev: pyproject.toml constraints.txt requirements.lock tests/plugin/pyproject.toml
	$(PYTHON) -m venv .venv
ifeq ($(LOCKED),1)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e tests/plugin
else
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' -e tests/plugin
endif
	@touch $@ .venv/.antivenom
