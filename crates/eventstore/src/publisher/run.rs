//! The publisher that keeps at it: what it does between two batches, after a fault, and when another publisher takes over.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::config::{LINGER, PAUSE_MAX, PAUSE_MIN, STAND_BY_LOOK, STAND_BY_LOOKS};
use super::error::PublishError;
use super::once::Publisher;
use super::status::PublisherState;
use crate::event::Position;
use crate::follow::HeadWatch;

impl Publisher {
    /// Publishes until it is told to stop or has to refuse; the status says which. Never ends because a broker or the database is
    /// away.
    pub async fn run(mut self, heads: HeadWatch, stop: CancellationToken) {
        self.stop = stop.clone();
        let mut pause = PAUSE_MIN;
        let end = loop {
            if stop.is_cancelled() {
                break PublisherState::Stopped;
            }
            match self.run_once().await {
                Ok(0) => {
                    pause = PAUSE_MIN;
                    self.wait_for_more(&heads, &stop).await;
                }
                Ok(_) => pause = PAUSE_MIN,
                Err(PublishError::Refused(refusal)) => {
                    let reason = with_sources(&refusal);
                    tracing::error!(reason, "the publisher refuses to go on until somebody has looked");
                    break PublisherState::Refused { reason };
                }
                Err(PublishError::Fenced) => self.stand_by(&stop).await,
                Err(PublishError::Stopped) => {}
                Err(error) => {
                    self.retry_later(&error, pause, &stop).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        };
        self.account.enter(end);
        self.close().await;
    }

    /// Returns when there may be more, having let what comes together gather.
    async fn wait_for_more(&mut self, heads: &HeadWatch, stop: &CancellationToken) {
        let Some(open) = &mut self.open else { return };
        stop.run_until_cancelled(open.follower.wait(heads)).await;
        if heads.newest() > open.follower.at().position {
            stop.run_until_cancelled(sleep(LINGER)).await;
        }
    }

    async fn retry_later(&mut self, error: &PublishError, pause: Duration, stop: &CancellationToken) {
        let reason = with_sources(error);
        tracing::warn!(reason, pause_ms = pause.as_millis(), "the publisher tries again");
        self.account.enter(PublisherState::Retrying { reason });
        // The database may be what is away: its silence must not make the pause longer.
        let measured = timeout(pause, self.measure_lag());
        stop.run_until_cancelled(async { tokio::join!(sleep(at_random(pause)), measured) }).await;
    }

    /// Another publisher has fenced this one. To fence it in turn at once would go on for ever; so this one looks on, and comes
    /// back when nothing is published any more though the book has more.
    async fn stand_by(&mut self, stop: &CancellationToken) {
        tracing::info!("another publisher has taken over, this one stands by");
        self.account.enter(PublisherState::StandingBy);
        let mut last = None;
        let mut looks_without_progress = 0;
        while looks_without_progress < STAND_BY_LOOKS {
            if stop.run_until_cancelled(sleep(at_random(STAND_BY_LOOK))).await.is_none() {
                return;
            }
            let (Ok(seen), Ok(head)) = (self.glance().await, self.feed.book().head().await) else {
                // Without the broker or the book the other one cannot publish either.
                looks_without_progress = 0;
                continue;
            };
            let published = seen.map_or(Position::TITLE, |progress| progress.position);
            self.account.stands_at(published, head.point.position, None);
            let idle = last.replace(published) == Some(published) && published < head.point.position;
            looks_without_progress = if idle { looks_without_progress + 1 } else { 0 };
        }
        tracing::info!("the other publisher has stopped, this one takes over");
    }
}

/// At least half of it, so that publishers that failed together do not try again together.
fn at_random(pause: Duration) -> Duration {
    let part = f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
    pause.mul_f64(0.5 + part / 2.0)
}

/// The error and what it came from, in one line. rdkafka's errors repeat their source in their own words: it is told once.
fn with_sources(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |line, source| {
        let source = source.to_string();
        if line.contains(&source) { line } else { format!("{line}: {source}") }
    })
}
