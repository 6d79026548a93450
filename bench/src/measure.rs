//! Clients in a closed loop, what they saw, and medians over rounds. Knows no system.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

use crate::failure::Failure;

/// One of those who ask a system for something, and ask again as soon as they are answered.
pub(crate) trait Client: Send + 'static {
    /// One command, done when the system has answered that it is durable.
    fn work(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// How long one sample takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// What was seen in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
}

/// One system under one load, a sample a round.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) system: &'static str,
    pub(crate) clients: usize,
    pub(crate) samples: Vec<Sample>,
}

/// Lets the clients work for a warm-up and then for the time that counts.
pub(crate) async fn closed_loop<C: Client>(clients: Vec<C>, time: Time) -> Result<Sample, Failure> {
    let over = Arc::new(AtomicBool::new(false));
    let from = Instant::now() + time.warm_up;
    let until = from + time.measured;
    let mut running = JoinSet::new();
    for client in clients {
        running.spawn(work(client, from, until, Arc::clone(&over)));
    }
    sleep(time.warm_up + time.measured).await;
    over.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    while let Some(seen) = running.join_next().await {
        latencies.append(&mut seen??);
    }
    let per_second = latencies.len() as f64 / time.measured.as_secs_f64();
    Ok(Sample::of(per_second, latencies))
}

/// What was answered between `from` and `until` counts.
async fn work<C: Client>(
    mut client: C,
    from: Instant,
    until: Instant,
    over: Arc<AtomicBool>,
) -> Result<Vec<Duration>, Failure> {
    let mut latencies = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        client.work().await?;
        let answered = Instant::now();
        if answered >= from && answered < until {
            latencies.push(answered - asked);
        }
    }
    Ok(latencies)
}

/// Lets each client do so many commands, as fast as it is answered: for work that is laid out beforehand and used up.
pub(crate) async fn counted<C: Client>(clients: Vec<C>, commands_each: usize) -> Result<Sample, Failure> {
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for mut client in clients {
        running.spawn(async move {
            let mut latencies = Vec::with_capacity(commands_each);
            for _ in 0..commands_each {
                let asked = Instant::now();
                client.work().await?;
                latencies.push(asked.elapsed());
            }
            Ok::<_, Failure>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(seen) = running.join_next().await {
        latencies.append(&mut seen??);
    }
    Ok(Sample::of(latencies.len() as f64 / begun.elapsed().as_secs_f64(), latencies))
}

impl Sample {
    pub(crate) fn of(per_second: f64, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let at = |share: f64| {
            let last = latencies.len().saturating_sub(1);
            latencies.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
        };
        Self { per_second, p50: at(0.5), p99: at(0.99), p999: at(0.999) }
    }
}

impl Series {
    pub(crate) fn new(system: &'static str, clients: usize) -> Self {
        Self { system, clients, samples: Vec::new() }
    }

    pub(crate) fn median(&self) -> Sample {
        let time = |pick: fn(&Sample) -> Duration| {
            Duration::from_secs_f64(median(self.samples.iter().map(|sample| pick(sample).as_secs_f64())))
        };
        Sample {
            per_second: median(self.samples.iter().map(|sample| sample.per_second)),
            p50: time(|sample| sample.p50),
            p99: time(|sample| sample.p99),
            p999: time(|sample| sample.p999),
        }
    }

    /// How many times as fast as the other one: the median of what it was within each round.
    pub(crate) fn times(&self, other: &Self) -> f64 {
        let rounds = self.samples.iter().zip(&other.samples);
        median(rounds.map(|(ours, theirs)| ours.per_second / theirs.per_second))
    }
}

/// Of an even number the mean of the two in the middle; of none, not a number.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// Anything below, drawn by lot: a UUID has random bits enough, and no further crate is needed for them.
pub(crate) fn any(below: usize) -> usize {
    (Uuid::new_v4().as_u128() % below.max(1) as u128) as usize
}

/// The series of this system under this load.
pub(crate) fn find<'a>(series: &'a [Series], system: &str, clients: usize) -> Option<&'a Series> {
    series.iter().find(|series| series.system == system && series.clients == clients)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle_or_the_mean_of_two() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        let series = |rates: [f64; 3]| {
            let mut series = Series::new("one", 1);
            series.samples.extend(rates.map(|rate| Sample::of(rate, Vec::new())));
            series
        };
        // A machine that was half as fast for one round changes no ratio.
        assert_eq!(series([10.0, 5.0, 10.0]).times(&series([2.0, 1.0, 2.0])), 5.0);
    }

    #[test]
    fn latencies_are_read_off_at_their_shares() {
        let sample = Sample::of(1.0, (0..=1000).map(Duration::from_millis).collect());
        assert_eq!([sample.p50, sample.p99, sample.p999].map(|time| time.as_millis()), [500, 990, 999]);
    }
}
