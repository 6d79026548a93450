//! Each provider has a lane of its own: so many places (the bulkhead), and a circuit that is open while the provider does
//! not answer. One that hangs takes none of another's places, and one that is away is not asked by everybody all the time.

mod circuit;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::circuit::Circuit;
pub(crate) use self::circuit::Heard;
use crate::gateway::Gateways;

#[derive(Debug, Clone)]
pub(crate) struct Lanes(Arc<BTreeMap<&'static str, Arc<Lane>>>);

#[derive(Debug)]
pub(crate) struct Lane {
    provider: &'static str,
    places: Arc<Semaphore>,
    places_max: usize,
    circuit: Mutex<Circuit>,
}

impl Lanes {
    /// One for each gateway, with this many places.
    pub(crate) fn new(gateways: &Gateways, places_max: usize) -> Self {
        let lane = |provider| {
            let places = Arc::new(Semaphore::new(places_max));
            (provider, Arc::new(Lane { provider, places, places_max, circuit: Mutex::default() }))
        };
        Self(Arc::new(gateways.iter().map(|gateway| lane(gateway.name())).collect()))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Lane>> {
        self.0.values()
    }

    pub(crate) fn providers(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }
}

impl Lane {
    pub(crate) fn provider(&self) -> &'static str {
        self.provider
    }

    /// How many may set out now.
    pub(crate) fn free(&self) -> usize {
        let free = self.places.available_permits();
        free.min(self.circuit().admits(Instant::now()))
    }

    pub(crate) fn in_use(&self) -> usize {
        self.places_max - self.places.available_permits()
    }

    /// A place for one that sets out; only as many set out as were free.
    pub(crate) async fn enter(&self) -> OwnedSemaphorePermit {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed");
        self.circuit().enters(Instant::now());
        place
    }

    /// What one that set out has heard.
    pub(crate) fn hears(&self, heard: Heard) {
        let mut circuit = self.circuit();
        let (before, is_open) = (circuit.is_open(), circuit.hears(heard, Instant::now()));
        if is_open && !before {
            tracing::error!(provider = self.provider, "a payment provider does not answer: it is asked less often");
            metrics::counter!("daybook_provider_circuit_opened_total", "provider" => self.provider).increment(1);
        }
        if before && !is_open {
            tracing::info!(provider = self.provider, "a payment provider answers again");
        }
    }

    /// For whoever watches.
    pub(crate) fn report(&self) {
        let is_open = self.circuit().is_open();
        metrics::gauge!("daybook_provider_circuit_open", "provider" => self.provider).set(f64::from(u8::from(is_open)));
    }

    fn circuit(&self) -> std::sync::MutexGuard<'_, Circuit> {
        self.circuit.lock().expect("no code panics while it holds the lock")
    }
}
