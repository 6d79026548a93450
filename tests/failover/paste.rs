//! What docs/operating.md tells an operator to paste when a standby takes over or a backup is restored: those of its fences whose
//! second word says so. The other test of that page leaves them out, for a `daybook dev` has neither.

use std::{env, fs, process::Command};

use support::{
    cluster::program,
    scratch::{build, repository},
};

/// Pastes all fences marked `sh WORD` into one shell with these variables, and returns what it prints.
#[track_caller]
pub(super) fn paste(word: &str, variables: &[(&str, &str)]) -> String {
    let (code, stdout, stderr) = run(word, variables);
    assert_eq!(code, Some(0), "{word}:\n{stdout}\n{stderr}");
    stdout
}

/// The same, of what must fail; what it says.
#[track_caller]
pub(super) fn paste_in_vain(word: &str, variables: &[(&str, &str)]) -> String {
    let (code, stdout, stderr) = run(word, variables);
    assert_ne!(code, Some(0), "{word} was to fail: {stdout}");
    stderr
}

fn run(word: &str, variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let script = format!("set -euo pipefail\n{}", fences(word));
    let beside = program("psql").get_program().to_owned();
    let beside = std::path::Path::new(&beside).parent().unwrap().display().to_string();
    let mut shell = Command::new("timeout");
    shell.args(["120", "bash", "-c", &script]).current_dir(env::temp_dir());
    shell.env("PATH", format!("{beside}:{}", env::var("PATH").unwrap())).env("DAYBOOK", build().join("daybook"));
    for setting in ["DATABASE_URL", "DATABASE_OWNER_URL"] {
        shell.env_remove(setting);
    }
    let done = shell.envs(variables.iter().copied()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

fn fences(word: &str) -> String {
    let text = fs::read_to_string(repository().join("docs/operating.md")).unwrap();
    let (begin, mut script, mut pasted) = (format!("```sh {word}"), String::new(), false);
    for line in text.lines() {
        match line.trim() {
            "```" => pasted = false,
            fence if fence == begin => pasted = true,
            _ if pasted => script = script + line + "\n",
            _ => {}
        }
    }
    assert!(!script.is_empty(), "docs/operating.md has no fence {word}");
    script
}
