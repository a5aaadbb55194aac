# The verbs, the same on a laptop and in CI. Everything is installed into .venv; nothing else on the machine changes
# but missing system libraries, and those are announced.
#
# PIP_FLAGS reaches every pip install, for example to point torch at a CPU build (README, "Set-up").

PYTHON ?= python3
PIP_FLAGS ?=
NETS ?=
PEERS ?=
RUNS ?= 1
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt $(PIP_FLAGS)
CORE := $(shell find cpp cmake CMakeLists.txt pyproject.toml -type f)
CMAKE_TESTS := build/tests

CMAKE_FUZZ := build/fuzz
CMAKE_COVERAGE := build/coverage
CMAKE_BENCH := build/kernels
SECONDS ?= 60
PACKETS ?= 20000
ONLY ?= worlds
CMAKE_AARCH64 := build/aarch64
ARM_LIBRARIES := g++-aarch64-linux-gnu qemu-user libsodium-dev:arm64 libzstd-dev:arm64 libstdc++6:arm64
CROSS := -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja --toolchain $(CURDIR)/cmake/aarch64.cmake

.PHONY: demo test bench results baselines setup setup-dev lint format cpp-test bench-kernels attacks fuzz coverage mutants aarch64 wheels clean

demo: setup
	$(BIN)/plasma-train demo --out runs/demo

# A module stays with one worker, which makes its fixtures once.
test: setup-dev lint cpp-test
	$(BIN)/python -m pytest -q -n auto --dist loadscope --no-loadscope-reorder

# make bench NETS=A,B PEERS=litert is a quick look; everything takes a quarter of an hour once set up. RUNS=5 keeps, of
# each pair, the run with the median ratio.
bench: build/bench-venv/stamp-edge build/bench-convert-venv/stamp
	build/bench-venv/bin/python -m benchmarks.bench --nets '$(NETS)' --peers '$(PEERS)' --runs $(RUNS)

# What was learnt: hours, resumable. ONLY names a part, which is a module of benchmarks/.
results: setup
	$(PIP) -e 'trainer[envs]'
	$(BIN)/python -m benchmarks.$(ONLY)

# What Stable-Baselines3 needs for the same tasks: hours, recorded once.
baselines: setup
	$(PIP) -e 'trainer[envs]' stable-baselines3 sb3-contrib
	$(BIN)/python -m benchmarks.baselines

setup: .venv/stamp-trainer
setup-dev: setup .venv/stamp-dev

.venv/stamp-venv: constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python {v.major}.{v.minor} found, 3.11 or newer expected; run: make PYTHON=/path/to/python3.11 ...")'
	@scripts/system_libraries.sh g++ pkg-config libsodium-dev libzstd-dev
	$(PYTHON) -m venv .venv
	$(PIP) scikit-build-core pybind11 cmake ninja
	@touch $@

# An editable install knows the modules that were there when it was made, so the folders are prerequisites: a new file
# changes them. Compiling first keeps __pycache__ from doing so.
.venv/stamp-edge: .venv/stamp-venv $(CORE) python/plasma_edge tools/plasma_pack
	$(PIP) --no-build-isolation -e '.[pack,gym]'
	@$(BIN)/python -m compileall -q python tools
	@touch $@

.venv/stamp-trainer: .venv/stamp-edge trainer/pyproject.toml
	$(PIP) -e trainer
	@touch $@

.venv/stamp-dev: .venv/stamp-trainer requirements-dev.txt
	@scripts/system_libraries.sh chromium doctest-dev libssl-dev postgresql
	$(PIP) -r requirements-dev.txt
	@touch $@

# The peers have a venv of their own, and LiteRT's converter another. Ours is installed as on a robot, not editable.
build/bench-venv/stamp-peers: constraints.txt benchmarks/requirements.txt
	@scripts/system_libraries.sh g++ pkg-config libsodium-dev libzstd-dev
	$(PYTHON) -m venv build/bench-venv
	$(PIP:.venv/%=build/bench-venv/%) -r benchmarks/requirements.txt scikit-build-core pybind11 cmake ninja
	@touch $@

build/bench-venv/stamp-edge: build/bench-venv/stamp-peers $(CORE) $(shell find python tools -name '*.py')
	$(PIP:.venv/%=build/bench-venv/%) --no-build-isolation '.[pack]'
	@touch $@

build/bench-convert-venv/stamp: benchmarks/requirements-convert.txt
	$(PYTHON) -m venv build/bench-convert-venv
	build/bench-convert-venv/bin/pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -r benchmarks/requirements-convert.txt
	@touch $@

# Kernel by kernel: time, work, share of the roofline.
bench-kernels: setup-dev
	$(BIN)/cmake -S . -B $(CMAKE_BENCH) -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	  -DCMAKE_BUILD_TYPE=Release -DPLASMA_DEVELOPER=ON >/dev/null
	$(BIN)/cmake --build $(CMAKE_BENCH) --target kernel_bench
	$(CMAKE_BENCH)/kernel_bench

# Every attack on packets, exhaustively; then as many mutated packets through both verifiers, 1000000 in half an hour.
attacks: setup-dev
	$(BIN)/python -m tests.attacks --packets $(PACKETS)

# make fuzz SECONDS=600; what it found stays in build/fuzz/corpus and is where the next run begins.
fuzz: setup-dev
	@scripts/system_libraries.sh clang libclang-rt-dev
	$(BIN)/cmake -S . -B $(CMAKE_FUZZ) -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	  -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=RelWithDebInfo -DPLASMA_SANITIZE=ON -DPLASMA_FUZZ=ON >/dev/null
	$(BIN)/cmake --build $(CMAKE_FUZZ)
	$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS)

# Which lines of the packet code and the validator the C++ tests and the corpus reach.
coverage: setup-dev
	$(BIN)/cmake -S . -B $(CMAKE_COVERAGE) -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	  -DCMAKE_BUILD_TYPE=Debug -DPLASMA_DEVELOPER=ON -DPLASMA_COVERAGE=ON >/dev/null
	$(BIN)/cmake --build $(CMAKE_COVERAGE)
	find $(CMAKE_COVERAGE) -name '*.gcda' -delete
	$(BIN)/ctest --test-dir $(CMAKE_COVERAGE) --output-on-failure
	$(BIN)/python -m tests.fuzz.coverage

# Breaks every check of verifier and validator, one at a time, and counts those that no C++ test misses.
mutants: setup-dev
	$(BIN)/python -m tests.mutants

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files 'cpp/*.cpp' 'cpp/*.hpp' 'cpp/*.h' 'tests/*.cpp' 'tests/*.hpp')

format: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $$(git ls-files 'cpp/*.cpp' 'cpp/*.hpp' 'cpp/*.h' 'tests/*.cpp' 'tests/*.hpp')

cpp-test: setup-dev
	$(BIN)/cmake -S . -B $(CMAKE_TESTS) -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	  -DCMAKE_BUILD_TYPE=RelWithDebInfo -DPLASMA_DEVELOPER=ON -DPLASMA_SANITIZE=ON >/dev/null
	$(BIN)/cmake --build $(CMAKE_TESTS)
	$(BIN)/ctest --test-dir $(CMAKE_TESTS) --output-on-failure

# Cross-compiled and run under qemu, with actions of this machine to repeat. Sanitizers stay off there: cpp-test has
# them, and LeakSanitizer does not work under qemu.
aarch64: setup-dev
	@scripts/system_libraries.sh $(ARM_LIBRARIES)
	$(BIN)/cmake -S . -B $(CMAKE_AARCH64) $(CROSS) -DPLASMA_DEVELOPER=ON -DCMAKE_INSTALL_PREFIX=$(CURDIR)/$(CMAKE_AARCH64)/prefix >/dev/null
	$(BIN)/cmake --build $(CMAKE_AARCH64) --target install
	$(BIN)/cmake -S contrib/recipes/c_robot -B $(CMAKE_AARCH64)/robot $(CROSS) -DCMAKE_PREFIX_PATH=$(CURDIR)/$(CMAKE_AARCH64)/prefix >/dev/null
	$(BIN)/cmake --build $(CMAKE_AARCH64)/robot
	rm -rf $(CMAKE_AARCH64)/flights && $(BIN)/python -m tests.flights $(CMAKE_AARCH64)/flights
	scripts/check_aarch64.sh $(CMAKE_AARCH64)

# dist/: source, and a wheel for this machine and for 64-bit ARM, each tried in a clean directory.
wheels: setup-dev
	@scripts/system_libraries.sh $(ARM_LIBRARIES)
	rm -rf dist build/wheels && $(BIN)/python -m tests.flights build/wheels/flights
	scripts/wheels.sh $(BIN)/python

clean:
	rm -rf .venv build dist runs .mypy_cache .ruff_cache .pytest_cache
