//! The integration tests: everything that needs a real Postgres or a real Kafka, and the rules of the repository.
//! One binary, so that a run needs one of each; one module a concern.

#[cfg(test)]
mod book;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod complaints;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod http;
#[cfg(test)]
mod load;
#[cfg(test)]
mod projections;
#[cfg(test)]
mod publisher;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod tidy;
