# SPDX-License-Identifier: Apache-2.0
# The project's commands. `make help` lists them; CMake and the presets do the building.

PREFIX ?= /usr/local
# At once: compilers, and tests, one more than the processors, for many of them wait.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
TEST_JOBS ?= 3

BUILD_PACKAGES = build-essential cmake ninja-build pkg-config libuv1-dev libinih-dev \
	libsqlite3-dev libjansson-dev libelf-dev libopenblas-dev libxxhash-dev zlib1g-dev \
	liblapacke-dev libdnnl-dev libsodium-dev libpng-dev libjpeg-dev libprotobuf-c-dev protobuf-c-compiler \
	libffi-dev \
	dataset-fashion-mnist graphviz libjs-chart.js
CHECK_PACKAGES = libcriterion-dev libonnx-testdata clang libclang-rt-14-dev lld clang-format \
	chromium nodejs python3-onnx python3-optuna python3-torch libnlopt-dev gfortran abigail-tools \
	gdb valgrind

# Warnings and what is left out go to standard error.
CONFIGURE = cmake --log-level=NOTICE >/dev/null --preset
CTEST = ctest --parallel $(TEST_JOBS) --output-on-failure --no-label-summary

# One `make` after the other: CMake's builds are parallel in themselves.
.NOTPARALLEL:
.DEFAULT_GOAL := build
.PHONY: help setup setup-check build quickstart check asan ubsan tsan fuzz bench reproduce \
	reproduce-training torch optuna quality abi abi-store format \
	format-check install clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

# $(call install_packages,PACKAGES): those that are missing, by apt-get.
define install_packages
@missing=; \
if ! command -v dpkg-query >/dev/null; then \
	echo "This is no Debian: please install the equivalents of $(strip $(1))"; exit 0; \
fi; \
present=" $$(dpkg-query -W -f='$${binary:Package}=$${db:Status-Status} ' $(1) 2>/dev/null | \
	sed 's/:[a-z0-9]*=/=/g')"; \
for package in $(1); do \
	case "$$present" in *" $$package=installed "*) ;; *) missing="$$missing $$package";; esac; \
done; \
[ -n "$$missing" ] || exit 0; \
echo "Installing with apt-get:$$missing"; \
as_root=; \
if [ "$$(id -u)" != 0 ]; then \
	as_root=sudo; \
	command -v sudo >/dev/null || { echo "Please install these as root: no sudo here" >&2; exit 1; }; \
fi; \
$$as_root apt-get update && \
$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing
endef

setup: ## Install what the build and the quickstart need (Debian, apt-get)
	$(call install_packages,$(BUILD_PACKAGES))

setup-check: setup ## Install what the checks need besides
	$(call install_packages,$(CHECK_PACKAGES))

build: ## The program, build/bin/espalier, and its plugins
	@command -v cmake >/dev/null || { echo "cmake is missing: run 'make setup' first" >&2; exit 1; }
	@$(CONFIGURE) release
	@cmake --build build --parallel $(JOBS) --target $(PROGRAM) plugins

# While there is no core/cli/main.c there is no program to build.
PROGRAM = $(if $(wildcard core/cli/main.c),espalier)

# A search that was interrupted, or is done, is resumed.
quickstart: setup build ## A first search, from nothing to a trained network
	@build/bin/espalier run configs/quickstart.ini \
		$$(test ! -e results/quickstart/espalier.db || echo --resume)

# Every step runs, whatever became of the ones before. The closing line adds up what ctest reports
# in its JUnit files, over all three builds; a step that is no test (a build, the formatting) adds
# one to the failed if it fails, and nothing otherwise.
define CHECK
report=build/check-report
mkdir -p build && : > $$report

step() { # step NAME COMMAND...
	name=$$1; shift
	echo "==== $$name"
	if "$$@"; then echo "$$name: ok" >> $$report; return 0; fi
	echo "$$name: FAILED" >> $$report
	failed=$$((failed + 1)); return 1
}

compile() { # compile PRESET FOLDER OPTION...
	preset=$$1; folder=$$2; shift 2
	$(CONFIGURE) $$preset "$$@" && cmake --build $$folder --parallel $(JOBS)
}

run_tests() { # run_tests NAME FOLDER CTEST-OPTION...
	name=$$1; junit=$$PWD/$$2/junit.xml; folder=$$2; shift 2
	echo "==== $$name"
	rm -f "$$junit"
	status=0
	$(CTEST) --test-dir $$folder --output-junit "$$junit" --no-tests=error "$$@" || status=$$?
	set -- $$(awk -f $$counts "$$junit" 2>/dev/null || echo 0 0 0)
	[ $$status -eq 0 ] || [ $$2 -gt 0 ] || set -- $$1 1 $$3
	echo "$$name: $$1 passed, $$2 failed, $$3 skipped" >> $$report
	passed=$$((passed + $$1)); failed=$$((failed + $$2)); skipped=$$((skipped + $$3))
}

passed=0 failed=0 skipped=0
counts=build/check-counts.awk
cat > $$counts <<'EOF'
/<testcase / { status = "failed" }
/<testcase / && /status="run"/ { status = "passed" }
/<testcase / && /status="disabled"/ { status = "skipped" }
/<skipped message="SKIP_/ { status = "skipped" }
/<\/testcase>/ { count[status]++ }
END { print count["passed"] + 0, count["failed"] + 0, count["skipped"] + 0 }
EOF

step "formatting" $(MAKE) --no-print-directory format-check
step "build with gcc" compile release build -DESPALIER_WERROR=ON -DESPALIER_TESTS=ON \
	-DESPALIER_DEBUG_INFO=OFF &&
	run_tests "tests with gcc" build -LE '^torch$$'
step "build with clang, ASan and UBSan" compile asan build-asan &&
	run_tests "unit tests with clang, ASan and UBSan" build-asan -L '^unit$$' -LE '^seeds$$'

echo "===="
cat $$report
line="$$passed passed, $$failed failed"
[ $$skipped -eq 0 ] || line="$$line, $$skipped skipped"
echo "$$line"
[ $$failed -eq 0 ]
endef
export CHECK

check: setup-check ## Everything that must hold before a commit
	@sh -c "$$CHECK"

asan: ## The unit tests with the address and undefined behaviour sanitizers
	@$(CONFIGURE) asan
	@cmake --build build-asan --parallel $(JOBS)
	@ESPALIER_TEST_LEAKS=1 $(CTEST) --test-dir build-asan -L '^unit$$'

ubsan: ## The unit tests with the undefined behaviour sanitizer
	@$(CONFIGURE) ubsan
	@cmake --build build-ubsan --parallel $(JOBS)
	@$(CTEST) --test-dir build-ubsan -L '^unit$$'

# Kernels that randomise more address bits than the sanitizer knows are told not to.
tsan: ## The tests labelled `threads` with the thread sanitizer
	@$(CONFIGURE) tsan
	@if ctest --test-dir build-tsan -N -L '^threads$$' | grep -q 'Total Tests: 0'; then \
		echo "There is no test labelled threads yet: nothing to run"; \
	else \
		cmake --build build-tsan --parallel $(JOBS) && \
		$$(setarch -R true 2>/dev/null && echo setarch -R) \
			$(CTEST) --test-dir build-tsan -L '^threads$$'; \
	fi

# Each target of tests/fuzz for FUZZ_SECONDS, FUZZ_JOBS of them at once; FUZZ_TARGETS: some of them alone.
# What is found beside the kept corpus stays in build-fuzz/corpus, what fails in build-fuzz/findings.
FUZZ_SECONDS ?= 600
FUZZ_JOBS ?= 2
FUZZ_TARGETS ?= $(notdir $(wildcard tests/fuzz/corpus/*))

fuzz: ## All readers of foreign bytes under libFuzzer: FUZZ_SECONDS (600) each, FUZZ_JOBS (2) at once
	@$(CONFIGURE) fuzz
	@cmake --build build-fuzz --parallel $(JOBS) --target fuzz plugins
	@printf '%s\n' $(FUZZ_TARGETS) | \
		xargs -P $(FUZZ_JOBS) -n 1 sh tests/fuzz/fuzz.sh build-fuzz $(FUZZ_SECONDS)

bench: build ## The benchmarks
	@cmake --build build --parallel $(JOBS) --target bench

# What is published and takes too long for a test. ESPALIER_DATA: the folder of benchmark tables.
reproduce: build ## Published results, claim beside result: minutes
	@cmake --build build --parallel $(JOBS) --target reproduce

reproduce-training: build ## What is found by training for real, claim beside result: half an hour
	@cmake --build build --parallel $(JOBS) --target reproduce_training

torch: build ## Trainings and losses step by step beside PyTorch's: minutes
	@cmake --build build --parallel $(JOBS)
	@$(CTEST) --test-dir build -L '^torch$$'

optuna: build ## tpe and nsga2 beside Optuna on known functions: an hour
	@cmake --build build --parallel $(JOBS) --target test_plugin_known
	@status=0; for strategy in tpe nsga2; do \
		tests/quality/optuna_$$strategy.sh $(CURDIR) $(CURDIR)/build || status=$$?; \
	done; exit $$status

quality: build ## How near strategies come to known optima, 30 seeds beside the tests' table: a minute
	@cmake --build build --parallel $(JOBS) --target strategies_quality
	@ESPALIER_QUALITY=reference ctest --test-dir build -R '^strategies_quality$$' --verbose | \
		sed -n -e 's/^[0-9]*: //' -e '/ trials /p' -e '/tests passed/p'

C_FILES = find sdk core plugins tests -type f \
	'(' -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.hpp' ')' -print0

abi: ## The public headers against the stored ABI: appended members pass, anything else fails
	@sh tests/abi/abi.sh sdk/include tests/abi

abi-store: ## Store the ABI as it is now: a decision, told in docs/abi.md and CHANGELOG.md
	@sh tests/abi/abi.sh sdk/include tests/abi --write

format: ## Lay out the code by .clang-format
	@$(C_FILES) | xargs -0r clang-format -i

format-check:
	@$(C_FILES) | xargs -0r clang-format --dry-run --Werror

install: build ## Install below PREFIX (/usr/local); DESTDIR is heeded
	@cmake --install build --prefix "$(PREFIX)"

clean: ## Remove the build folders
	@rm -rf build build-debug build-clang build-asan build-ubsan build-tsan build-fuzz
