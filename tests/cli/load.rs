//! `daybook load --chaos` as whoever tries it starts it, with a Daybook of its own.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use super::program::{Place, daybook, run};

/// The seed with which the twelve invoices of the excerpt have fates of most kinds.
const CHAOTIC: &str = "14075";

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
    let counted = |kind: &str| {
        let row = done.stdout.lines().find_map(|line| line.trim().strip_prefix(kind));
        row.unwrap_or_else(|| panic!("{kind}: {}", done.stdout)).trim().parse::<u64>().unwrap()
    };
    assert_eq!((counted("orders paid by another try"), counted("guests' carts merged at login")), (2, 4));
    assert_eq!((counted("returns of everything"), counted("returns rejected"), counted("webhooks forged")), (2, 1, 0));
    for check in ["chaos", "sales", "orders", "stock", "money", "conserved", "verify", "carts", "deeds"] {
        assert!(done.stdout.contains(&format!("ok          {check}: ")), "{check}: {}", done.stdout);
    }
    // Twelve invoices are too few for every kind, and that is said.
    let kinds = done.stdout.lines().find(|line| line.starts_with("not checked kinds: ")).unwrap();
    assert!(kinds.contains("webhooks forged") && !kinds.contains("returns rejected"), "{kinds}");
    let seedless = load(&["--seed", "7"]);
    assert_eq!(seedless.code, Some(2), "{}", seedless.stderr);
    assert!(seedless.stderr.contains("--chaos"), "{}", seedless.stderr);
}
