//! The processes of a node as a child that is killed, and started again, as often as it takes.

use std::{io::ErrorKind, os::unix::process::ExitStatusExt as _, process::Stdio, time::Duration};

use chrono::Utc;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::commands::running::Premises;

/// Longer than anything that it is told takes on a loaded machine.
const WITHIN: Duration = Duration::from_secs(60);
const KILLED: i32 = 9;

pub(super) struct Processes {
    child: Child,
    said_to: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
}

/// It was killed before it could answer.
#[derive(Debug)]
pub(super) struct Dead;

impl Processes {
    /// `stumbles`: whether the effects of its processes fail.
    pub(super) fn start(premises: &Premises, stumbles: bool) -> Self {
        let ahead = premises.clock.now() - Utc::now();
        let ahead_us = ahead.num_microseconds().expect("a few years are not that many").to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_processes"));
        command.args([premises.database.app_url(), premises.stripe().url(), ahead_us, stumbles.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (said_to, says) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, said_to, says: BufReader::new(says).lines() }
    }

    /// Its answer to a line.
    pub(super) async fn told(&mut self, line: &str) -> Result<String, Dead> {
        match self.said_to.write_all(format!("{line}\n").as_bytes()).await {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(self.dies().await),
            written => written.unwrap(),
        }
        match timeout(WITHIN, self.says.next_line()).await.expect("it answers in time").unwrap() {
            Some(answer) => Ok(answer),
            None => Err(self.dies().await),
        }
    }

    /// By the signal that was planned, and nothing else.
    async fn dies(&mut self) -> Dead {
        let status = timeout(WITHIN, self.child.wait()).await.expect("it ends").unwrap();
        assert_eq!(status.signal(), Some(KILLED), "it ended by itself, {status}");
        Dead
    }
}
