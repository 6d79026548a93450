//! `daybook import orders`, on an excerpt of the real year. What it comes to was computed apart from this program.

use std::io::Write as _;
use std::path::PathBuf;

use flate2::{Compression, write::GzEncoder};
use projections::{
    Limit, Part, Progress, ReadModels, Round, Runner,
    sales::{Dimension, Filter, SalesRow, report},
};
use sqlx::PgPool;
use support::Database;

use super::program::{Done, Place, daybook, psql, run};

const EXCERPT: &str = include_str!("../data/online-retail-excerpt.csv");
const ORDERS: &str = "SELECT count(*) FROM book.events WHERE event_type = 'order.imported'";
const REFUNDS: &str = "SELECT count(*) FROM book.events WHERE event_type = 'order.imported_refund'";

fn gzipped(place: &Place, text: &str) -> PathBuf {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    let path = place.path().join("sales.csv.gz");
    std::fs::write(&path, gzip.finish().unwrap()).unwrap();
    path
}

fn import(database: &Database, file: &PathBuf) -> Done {
    let mut command = daybook(&["import", "orders", "--format", "online-retail"]);
    run(command.arg(file).env("DATABASE_URL", database.app_url()))
}

fn counted(database: &Database) -> (String, String) {
    (psql(&database.app_url(), ORDERS), psql(&database.app_url(), REFUNDS))
}

/// Revenue and refunds of the sales report, posted from the book.
async fn sales_by(database: &Database, dimension: Dimension) -> Vec<(String, i64, i64)> {
    let book = eventstore::Book::new(PgPool::connect_lazy_with(eventstore::session::reading(database.app_options())));
    let (feed, progress) = (eventstore::Feed::new(book), Progress::default());
    let mut runner = Runner::new(&projections::sales::Sales, database.app_options(), feed, progress.clone());
    while matches!(runner.run_once().await.unwrap(), Round::Advanced { .. }) {}
    let models = ReadModels::new(PgPool::connect_lazy_with(projections::reading(database.app_options())), progress);
    let part = Part { limit: Limit::report_default(), cursor: None };
    let (page, _) = report(&models, &[dimension], &Filter::default(), &part).await.unwrap();
    let named = |row: SalesRow| {
        assert_eq!(row.net.amount(), row.revenue.amount() - row.refunds.amount());
        (row.month.or(row.country).unwrap(), row.revenue.amount(), row.refunds.amount())
    };
    page.data.into_iter().map(named).collect()
}

#[tokio::test]
async fn the_book_and_the_sales_report_come_to_what_the_file_says_to_the_penny() {
    let (place, database) = (Place::new(), Database::fresh().await);
    let done = import(&database, &gzipped(&place, EXCERPT));
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{}", done.stdout);
    for line in [
        "File: 148 lines",
        "  117 lines, 161,026 units, £259,266.28 in 40 orders",
        "  3  neither a sale nor a cancellation: the invoice number is not digits, or C and digits (£11,062.06)",
        "  10  cancellation of more than the customer's orders before it have left of it",
        "No SKU: stock code \"BANK CHARGES\" is BANK-CHARGES in the book",
        "No country: Unspecified, European Community",
        "Recorded 40 orders\n",
        "Recorded 13 refunds\n",
        "ok   sales of 2011-12                       £168,469.60",
        "ok   sales to JP                              £3,811.95",
        "ok   all sales                              £259,266.28",
        "ok   refunds of 2011-04                       £2,231.15",
        "ok   refunds to JP                            £1,591.20",
        "ok   all refunds                              £2,762.50",
        "ok   net sales                              £256,503.78",
    ] {
        assert!(done.stdout.contains(line), "{line}\n{}", done.stdout);
    }
    assert_eq!(counted(&database), ("40".to_owned(), "13".to_owned()));

    let months = [
        ("2010-12", 793_563, 20_805),
        ("2011-01", 7_742_180, 22_995),
        ("2011-02", 14_592, 0),
        ("2011-03", 61_755, 1_475),
        ("2011-04", 97_505, 223_115),
        ("2011-06", 93_300, 0),
        ("2011-07", 7_080, 0),
        ("2011-08", 11_880, 4_800),
        ("2011-09", 8_592, 375),
        ("2011-10", 212_146, 1_800),
        ("2011-11", 37_075, 0),
        ("2011-12", 16_846_960, 885),
    ];
    assert_eq!(
        sales_by(&database, Dimension::Month).await,
        months.map(|(month, sold, back)| (month.to_owned(), sold, back))
    );
    let countries = [
        ("", 7_855, 0),
        ("DE", 87_750, 22_275),
        ("DK", 42_770, 1_800),
        ("GB", 25_369_592, 91_580),
        ("IT", 19_694, 0),
        ("JE", 3_180, 0),
        ("JP", 381_195, 159_120),
        ("SA", 14_592, 1_475),
    ];
    assert_eq!(
        sales_by(&database, Dimension::Country).await,
        countries.map(|(code, sold, back)| (code.to_owned(), sold, back))
    );
}

#[tokio::test]
async fn what_is_recorded_already_is_left_as_it_is_and_an_interrupted_import_goes_on() {
    let (place, database) = (Place::new(), Database::fresh().await);
    // As far as an import came that was interrupted: without the refunds of the second half.
    let half: Vec<&str> = EXCERPT.lines().take(70).collect();
    let begun = import(&database, &gzipped(&place, &format!("{}\n", half.join("\n"))));
    assert_eq!(begun.code, Some(0), "{}", begun.stdout);
    let (orders, refunds) = counted(&database);

    let file = gzipped(&place, EXCERPT);
    let whole = import(&database, &file);
    assert_eq!(whole.code, Some(0), "{}", whole.stdout);
    assert!(whole.stdout.contains(&format!("; {orders} were there before")), "{}", whole.stdout);
    assert!(whole.stdout.contains(&format!("; {refunds} were there before")), "{}", whole.stdout);
    assert_eq!(counted(&database), ("40".to_owned(), "13".to_owned()));

    let again = import(&database, &file);
    assert_eq!(again.code, Some(0), "{}", again.stdout);
    assert!(again.stdout.contains("Recorded 0 orders; 40 were there before\n"), "{}", again.stdout);
    assert_eq!(counted(&database), ("40".to_owned(), "13".to_owned()));
}

#[tokio::test]
async fn an_order_that_is_in_the_book_with_another_price_fails_the_import_and_is_named() {
    let (place, database) = (Place::new(), Database::fresh().await);
    assert_eq!(import(&database, &gzipped(&place, EXCERPT)).code, Some(0));
    let dearer = EXCERPT.replace("580770,", "580771,").replacen(
        "32,2010-12-01T09:09:00Z,10.95",
        "32,2010-12-01T09:09:00Z,10.96",
        1,
    );
    let done = import(&database, &gzipped(&place, &dearer));
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stdout.contains("536374: 536374 was imported before, with other contents"), "{}", done.stdout);
    let differs = "FAIL sales of 2010-12                         £7,935.95, and £7,935.63 in the book";
    assert!(done.stdout.contains(differs), "{}", done.stdout);
}

#[track_caller]
fn check_refused(done: &Done, line: &str) {
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{}", done.stderr);
    assert!(done.stderr.starts_with("daybook: ") && done.stderr.ends_with(&format!("{line}\n")), "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 1);
}

#[tokio::test]
async fn a_file_that_is_not_whole_or_not_that_file_is_refused_with_its_line_and_nothing_is_recorded() {
    let (place, database) = (Place::new(), Database::fresh().await);
    let refused = |text: &str| import(&database, &gzipped(&place, text));
    let nonsense = EXCERPT.replacen(",10.95,15100", ",10.95.1,15100", 1);
    check_refused(&refused(&nonsense), "sales.csv.gz, line 2: \"10.95.1\" is no price");
    let columns: String = EXCERPT.lines().map(|line| format!("{}\n", line.rsplit_once(',').unwrap().0)).collect();
    let lacks = "sales.csv.gz, line 1 has another header: \
        \"invoice,stock_code,description,quantity,invoiced_at,unit_price,customer_id\", where \
        \"invoice,stock_code,description,quantity,invoiced_at,unit_price,customer_id,country\" is expected";
    check_refused(&refused(&columns), lacks);
    check_refused(
        &refused(EXCERPT.trim_end()),
        "sales.csv.gz is truncated: it ends at line 149, in the middle of a line",
    );

    let file = gzipped(&place, EXCERPT);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 40]).unwrap();
    let done = import(&database, &file);
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("is truncated: it ends at line "), "{}", done.stderr);
    assert!(done.stderr.ends_with("in the middle of its compressed data\n"), "{}", done.stderr);
    assert_eq!(counted(&database), ("0".to_owned(), "0".to_owned()));

    let nowhere = import(&database, &place.path().join("nowhere.csv.gz"));
    check_refused(&nowhere, "nowhere.csv.gz: No such file or directory (os error 2)");
}
