//! `daybook load --chaos` as whoever tries it starts it, with a Daybook of its own.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use super::program::{Place, daybook, run};

/// The seed with which the twelve invoices of the excerpt have fates of all kinds.
const CHAOTIC: &str = "696";

#[test]
fn a_chaotic_load_reconciles_and_says_what_went_otherwise() {
    let place = Place::new();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(include_bytes!("../data/baskets.csv")).unwrap();
    let file = place.path().join("baskets.csv.gz");
    std::fs::write(&file, gzip.finish().unwrap()).unwrap();
    let load = |flags: &[&str]| {
        let mut command = daybook(&["load", "--clients", "4", "--baskets"]);
        command.arg(&file).args(flags).current_dir(place.path());
        if let Some(bin) = support::postgres::pg_bin() {
            command.env("PG_BIN", bin);
        }
        run(&mut command)
    };
    let done = load(&["--chaos", "--seed", CHAOTIC]);
    assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
    let chaos = done.stdout.lines().find(|line| line.starts_with("ok          chaos: ")).unwrap();
    assert!(chaos.contains(" 2 refunded") && chaos.contains(" 1 paid again"), "{chaos}");
    for check in ["sales", "orders", "stock", "money", "conserved", "verify", "carts"] {
        assert!(done.stdout.contains(&format!("ok          {check}: ")), "{check}: {}", done.stdout);
    }
    let seedless = load(&["--seed", "7"]);
    assert_eq!(seedless.code, Some(2), "{}", seedless.stderr);
    assert!(seedless.stderr.contains("--chaos"), "{}", seedless.stderr);
}
