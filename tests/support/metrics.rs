//! What is counted on one thread, as `/metrics` would show it: a test has its own numbers, whatever other tests do.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

/// Counts from [`Counters::watch`] on, on the thread of the test.
#[derive(Default)]
pub struct Counters(Option<PrometheusRecorder>);

impl Counters {
    /// As long as what it returns lives.
    pub fn watch(&mut self) -> Counting<'_> {
        let recorder = &*self.0.insert(PrometheusBuilder::new().build_recorder());
        Counting { recorder, _local: metrics::set_default_local_recorder(recorder) }
    }
}

pub struct Counting<'a> {
    recorder: &'a PrometheusRecorder,
    _local: metrics::LocalRecorderGuard<'a>,
}

impl Counting<'_> {
    /// The value of a metric with these labels, as they are written: `name{label="value"}`. `None`: nobody has set it.
    pub fn of(&self, name: &str) -> Option<f64> {
        let text = self.recorder.handle().render();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        Some(line.parse().expect("a value is a number"))
    }
}
