//! A started program never outlives us: it runs under a small shell that stops it when our pipe to that shell closes.
//!
//! The kernel closes the pipe whatever ends us: a return, a panic, SIGKILL. A parent-death signal would not do: it
//! follows the *thread* that spawned, which in an async program ends earlier than the process. The supervisor is a
//! POSIX shell script and not this binary, so that the tests, whose executable is not `daybook`, use the very same one,
//! and so that `killall -9 daybook` does not take the supervisor along.

use std::{
    ffi::OsStr,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

const SCRIPT: &str = include_str!("supervise.sh");

/// What the supervised program finds its inherited folder as (see `supervise.sh`). Linux alone has it.
pub const INHERITED_FOLDER: &str = "/proc/self/fd/9";

/// How a program is asked to stop: each signal in turn, with this long to obey.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    pub signals: &'static str,
    pub grace: Duration,
}

/// A running program; dropping it stops the program and waits for its end, within the bounds of its [`Stop`].
#[derive(Debug)]
pub struct Supervised {
    supervisor: Child,
}

/// The command that runs `program` under the supervisor. Add its arguments, user and environment; its output goes to
/// this command's standard error, and what is given as standard output is held open until the program is gone.
pub fn command(program: impl AsRef<OsStr>, stop: Stop) -> Command {
    // Comments are for readers of the file, not of `ps`.
    let script: Vec<&str> = SCRIPT.lines().filter(|line| !line.starts_with('#')).collect();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script.join("\n"), "supervise", stop.signals]);
    command.arg(stop.grace.as_secs().to_string()).arg(program);
    // A folder the program's user may stand in; ours may be out of its reach.
    command.current_dir("/");
    command
}

impl Supervised {
    /// Starts what [`command`] made, in a process group of its own: Ctrl-C at our terminal is ours to act on.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let supervisor = command.stdin(Stdio::piped()).process_group(0).spawn()?;
        Ok(Self { supervisor })
    }

    /// The program's status, if it has ended by itself.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.supervisor.try_wait()
    }

    /// Stops the program and waits for its end.
    pub fn stop(&mut self) -> io::Result<ExitStatus> {
        drop(self.supervisor.stdin.take());
        self.supervisor.wait()
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!(error = %error, "a supervised server could not be waited for");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::File, time::Instant};

    const STOP: Stop = Stop { signals: "INT TERM KILL", grace: Duration::from_secs(1) };

    fn shell(script: &str) -> Supervised {
        let mut command = command("/bin/sh", STOP);
        command.args(["-c", script]).stdout(Stdio::null()).stderr(Stdio::null());
        Supervised::start(command).unwrap()
    }

    #[test]
    fn the_status_of_a_program_that_ends_by_itself_is_passed_on() {
        let mut program = shell("exit 7");
        let status = loop {
            if let Some(status) = program.ended().unwrap() {
                break status;
            }
        };
        assert_eq!(status.code(), Some(7));
    }

    #[test]
    fn a_program_that_ignores_every_polite_signal_is_killed_within_the_grace() {
        let mut program = shell("trap '' INT TERM; while :; do sleep 0.1; done");
        let asked = Instant::now();
        let status = program.stop().unwrap();
        assert!(!status.success());
        assert!(asked.elapsed() < Duration::from_secs(6), "took {:?}", asked.elapsed());
    }

    #[test]
    fn a_lock_given_to_the_program_lasts_as_long_as_the_program() {
        let path = std::env::temp_dir().join(format!("daybook-supervise-{}", std::process::id()));
        let held = File::create(&path).unwrap();
        held.try_lock().unwrap();
        let mut command = command("/bin/sleep", STOP);
        command.arg("60").stdout(held).stderr(Stdio::null());
        let mut program = Supervised::start(command).unwrap();

        let seen = File::open(&path).unwrap();
        assert!(seen.try_lock().is_err());
        program.stop().unwrap();
        seen.try_lock().unwrap();
        std::fs::remove_file(&path).unwrap();
    }
}
