//! What whoever typed the command can put right: one line on standard error and exit code 2, and nothing is changed.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use super::program::{Place, Running, daybook, run};

#[track_caller]
fn check_refused(command: &mut Command, line: &str) {
    let done = run(command);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert_eq!(done.stderr, format!("daybook: {line}\n"));
    assert_eq!(done.stdout, "");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let place = Place::new();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = held.local_addr().unwrap().to_string();
    let dev = |flags: &[&str]| {
        let mut command = daybook(&["dev"]);
        command.args(flags).current_dir(place.path());
        command
    };
    check_refused(&mut dev(&["--listen", &text]), &format!("--listen: {text} is in use by another program"));
    check_refused(
        &mut dev(&["--listen", "127.0.0.1:0", "--admin-listen", &text]),
        &format!("--admin-listen: {text} is in use by another program"),
    );
    drop(held);
    assert!(!place.data().exists(), "nothing was begun");
}

#[test]
fn a_data_folder_in_use_is_named_and_left_alone() {
    let place = Place::new();
    let first = Running::dev(&place, &["--no-demo"]);
    let in_use =
        format!("the data folder {} is in use by another Daybook", place.data().canonicalize().unwrap().display());
    for fresh in [&[][..], &["--fresh"]] {
        let mut second = daybook(&["dev", "--listen", "127.0.0.1:0"]);
        check_refused(second.args(fresh).current_dir(place.path()), &in_use);
    }
    assert!(place.data().join("env").exists());
    first.stop();
}

#[test]
fn a_folder_that_is_not_a_data_folder_is_left_alone() {
    let place = Place::new();
    place.write("thesis.txt", "years of work");
    let path = place.path().canonicalize().unwrap();
    let mut dev = daybook(&["dev", "--listen", "127.0.0.1:0", "--fresh", "--data", path.to_str().unwrap()]);
    check_refused(&mut dev, &format!("{} is not empty and not a Daybook data folder", path.display()));
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
}

#[test]
fn a_database_of_somebody_is_not_begun_anew() {
    let place = Place::new();
    let mut dev = daybook(&["dev", "--listen", "127.0.0.1:0", "--fresh", "--database-url", "postgres://h/db"]);
    check_refused(
        dev.current_dir(place.path()),
        "--fresh begins a new private Postgres, and this book is in one of yours: make it empty yourself",
    );
}

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    let place = Place::new();
    let place = place.path();
    let line = "this is not the URL of a Postgres: error with configuration: relative URL without a base";
    check_refused(daybook(&["dev", "--listen", "127.0.0.1:0", "--database-url", "db"]).current_dir(place), line);
    check_refused(daybook(&["verify", "--database-url", "db"]).current_dir(place), line);
    check_refused(daybook(&["migrate", "--owner-url", "db"]).current_dir(place), line);
    check_refused(
        daybook(&["token", "--role", "staff"]).current_dir(place),
        "no development key in .daybook: `daybook dev` makes one; in production the tokens come from your identity provider",
    );
    for command in ["verify", "processes", "webhooks"] {
        check_refused(
            daybook(&[command]).current_dir(place),
            "no DATABASE_URL is set, and no `daybook dev` runs in .daybook",
        );
    }
    check_refused(
        daybook(&["dev", "--listen", "127.0.0.1:0"]).env("PG_BIN", "/nowhere").current_dir(place),
        "PG_BIN=/nowhere holds no Postgres server of version 15 or newer",
    );
}

#[test]
fn what_cannot_be_read_as_a_flag_is_told_with_the_flag() {
    for (arguments, flag) in [
        (&["dev", "--listen", "8080"][..], "--listen"),
        (&["token", "--role", "king"], "--role"),
        (&["token", "--role", "staff", "--ttl", "1y"], "--ttl"),
        (&["verify", "--expect", "7"], "--expect"),
        (&["serve", "--only", "cook"], "--only"),
    ] {
        let done = run(&mut daybook(arguments));
        assert_eq!(done.code, Some(2), "{arguments:?}");
        assert!(done.stderr.contains(flag), "{arguments:?}: {}", done.stderr);
    }
}
