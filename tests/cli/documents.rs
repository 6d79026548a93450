//! What README.md and the guides tell a newcomer to paste works as it stands, against a `daybook dev` just started.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use support::scratch;

use super::program::{Place, Running, run};

/// Every answer must be a success, but where the document shows what a refusal looks like.
const STRICT: &str = "curl() { command curl --fail-with-body --show-error \"$@\"; }\n";
const LENIENT: &str = "unset -f curl\n";

/// A newcomer does not wait for ever.
const LIMIT: &str = "120";

/// What stands in the fences marked `sh`, one script a document: later lines use what earlier ones have set. A second word
/// says that the lines need kcat, or that they are refused.
fn script_of(document: &str) -> String {
    let text = fs::read_to_string(scratch::repository().join(document)).unwrap();
    let has_kcat = Command::new("kcat").arg("-V").output().is_ok();
    let mut script = String::new();
    let mut pasted = false;
    for line in text.lines() {
        match line.trim() {
            "```sh" => (pasted, script) = (true, script + STRICT),
            "```sh refused" => (pasted, script) = (true, script + LENIENT),
            "```sh kcat" => pasted = has_kcat,
            "```" => pasted = false,
            _ if pasted => script = script + line + "\n",
            _ => {}
        }
    }
    assert!(!script.is_empty(), "{document} has nothing to paste");
    script
}

#[track_caller]
fn check_works(document: &str) {
    let place = Place::new();
    let dev = Running::dev(&place, &[]);
    // What a newcomer has in the folder: a clone of the repository.
    for name in ["schemas", "tests"] {
        symlink(scratch::repository().join(name), place.path().join(name)).unwrap();
    }
    let script = format!("set -euo pipefail\n{}", script_of(document));
    let done = run(Command::new("timeout").args([LIMIT, "bash", "-c", &script]).current_dir(place.path()));
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

#[test]
fn every_metric_and_every_setting_is_explained() {
    let guide = fs::read_to_string(scratch::repository().join("docs/operating.md")).unwrap();
    let mut missing = BTreeSet::new();
    let mut folders = vec![scratch::repository().join("crates")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(path).unwrap();
                missing.extend(names_in(&source).filter(|name| !guide.contains(name)).map(str::to_owned));
            }
        }
    }
    assert!(missing.is_empty(), "docs/operating.md does not say what these are: {missing:?}");
}

/// What is quoted and begins as our metrics do, or stands where clap is told of an environment variable.
fn names_in(source: &str) -> impl Iterator<Item = &str> {
    let quoted = source.split('"').skip(1).step_by(2);
    let metrics = quoted.filter(|text| {
        text.starts_with("daybook_") && text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
    });
    let settings = source.split("env = \"").skip(1).filter_map(|rest| rest.split('"').next());
    metrics.chain(settings)
}

#[test]
fn the_guide_to_importing_works() {
    check_works("docs/importing.md");
}
