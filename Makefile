.PHONY: dev test lint sqlx mutants year faults bench bench-growth

root := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))

# Runs Daybook with a Postgres and a broker of its own: make dev ARGS="--listen 127.0.0.1:9000 --data /tmp/daybook"
dev:
	@$(root)scripts/dev $(ARGS)

# Formats, lints and tests everything against a real Postgres and a real Kafka.
test:
	@$(root)scripts/test

# What a change must pass before it is worth testing.
lint:
	@cd $(root) && cargo fmt --all --check && cargo clippy --workspace --all-targets --locked -- -D warnings

# Writes .sqlx anew, after a statement or a migration has changed.
sqlx:
	@$(root)scripts/sqlx-prepare

# Changes each rule of crates/domain and sees a test break, in about an hour: make mutants ARGS="--file crates/domain/src/cart.rs"
mutants:
	@$(root)scripts/mutants $(ARGS)

# The whole year of sales through HTTP to a real Kafka, reconciled: make year BASKETS=FILE ARGS="--stock-factor 0.9"
year:
	@$(root)scripts/year "$(BASKETS)" $(ARGS)

# Injects faults for ten minutes, and plants bugs to see that they are found: make faults MINUTES=60 ARGS="--only F06 --seed 7"
faults:
	@$(root)scripts/faults $(if $(MINUTES),--minutes $(MINUTES)) --results $(root)faults/RESULTS.md $(ARGS)

# Daybook against its peers, into bench/RESULTS.md, in some twelve minutes: make bench ARGS="--quick"
bench:
	@$(root)scripts/bench $(ARGS)

# The same for a book of 10 million events, and what memory a node takes on it: some ten minutes and 15 GB of disk.
bench-growth:
	@$(root)scripts/bench --only growth-10m,memory $(ARGS)
