//! What README.md and the guides tell a newcomer to paste works as it stands, against a `daybook dev` just started.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use support::scratch;

use super::program::{Done, Place, Running, program, run};

/// What stands in the fences marked `sh`, one text a document: later lines use what earlier ones have set.
fn lines_of(document: &str) -> String {
    let text = fs::read_to_string(scratch::repository().join(document)).unwrap();
    let mut lines = String::new();
    let mut pasted = false;
    for line in text.lines() {
        match line.trim() {
            "```sh" => pasted = true,
            "```" => pasted = false,
            _ if pasted => {
                lines.push_str(line);
                lines.push('\n');
            }
            _ => {}
        }
    }
    assert!(!lines.is_empty(), "{document} has nothing to paste");
    lines
}

/// As a shell takes it, but that the first failure ends it: of a command, or an answer that is no success.
fn paste(place: &Place, lines: &str) -> Done {
    let strict = "set -eu; curl() { command curl --fail-with-body --show-error \"$@\"; }\n";
    run(Command::new("bash").args(["-c", &format!("set -o pipefail; {strict}{lines}")]).current_dir(place.path()))
}

#[track_caller]
fn check_works(document: &str) {
    let place = Place::new();
    let dev = Running::dev(&place, &[]);
    // What the documents find in the repository, a newcomer's folder.
    symlink(scratch::repository().join("schemas"), place.path().join("schemas")).unwrap();
    symlink(scratch::repository().join("tests"), place.path().join("tests")).unwrap();
    assert!(program().exists());
    let done = paste(&place, &lines_of(document));
    assert_eq!(done.code, Some(0), "{document}:\n{}\n{}", done.stdout, done.stderr);
    dev.stop();
}

#[test]
fn what_the_readme_says_works() {
    check_works("README.md");
}

#[test]
fn the_guide_for_frontends_works() {
    check_works("docs/http.md");
}

#[test]
fn the_guide_for_analysts_works() {
    check_works("docs/events.md");
}

#[test]
fn the_guide_for_operators_works() {
    check_works("docs/operating.md");
}
