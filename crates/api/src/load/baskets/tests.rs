//! The excerpt and single lines through the reader, and every kind of file that is refused.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Baskets;
use crate::load::line::LeftOut;
use crate::online_retail::{FileError, HEADER, Month};

const EXCERPT: &str = include_str!("../../../../../tests/data/baskets.csv");

/// A file of one test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn of(bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("daybook-baskets-{}.csv.gz", uuid::Uuid::now_v7()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn read_bytes(bytes: &[u8]) -> Result<Baskets, FileError> {
    Baskets::read(&Scratch::of(bytes).0)
}

fn read(text: &str) -> Result<Baskets, FileError> {
    read_bytes(&gzip(text.as_bytes()))
}

pub(crate) fn excerpt() -> Baskets {
    read(EXCERPT).unwrap()
}

/// The verdict on one line that is good but for what the test puts into it.
#[track_caller]
fn check_left_out(line: &str, expected: Option<LeftOut>) {
    let baskets = read(&format!("{HEADER}\n{line}\n")).unwrap();
    let found: Vec<_> = LeftOut::ALL.into_iter().filter(|&reason| baskets.counts.left_out(reason) == 1).collect();
    assert_eq!(found, Vec::from_iter(expected), "{line}");
    assert_eq!(baskets.counts.good, u64::from(expected.is_none()), "{line}");
}

#[track_caller]
fn check_refused(bytes: &[u8], expected: &str) {
    let error = read_bytes(bytes).unwrap_err();
    let message = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ");
    assert!(message.contains(expected), "{message}");
    assert!(!message.contains('\n'), "{message}");
}

#[test]
fn every_line_of_the_excerpt_is_good_or_left_out_for_its_reason() {
    let counts = excerpt().counts;
    assert_eq!((counts.lines, counts.good, counts.units), (38, 24, 60_229));
    let reasons = LeftOut::ALL.map(|reason| (reason, counts.left_out(reason)));
    assert_eq!(
        reasons,
        [
            (LeftOut::InvoiceNotNumeric, 3),
            (LeftOut::Quantity, 5),
            (LeftOut::PriceNotANumber, 1),
            (LeftOut::PriceBelowAPenny, 2),
            (LeftOut::PriceFraction, 1),
            (LeftOut::StockCode, 2),
        ]
    );
    assert_eq!(counts.good + counts.left_out_total(), counts.lines);
}

#[test]
fn the_excerpt_has_its_invoices_products_and_customers() {
    let baskets = excerpt();
    let numbers: Vec<_> = baskets.invoices.iter().map(|invoice| &*invoice.number).collect();
    assert_eq!(numbers.len(), 12);
    assert_eq!((numbers[0], numbers[11]), ("600001", "600016"));
    assert_eq!(baskets.products.len(), 13);
    assert_eq!(baskets.customers.join(" "), "20001 20002 20003 20004 20005 20006 20007");
    assert_eq!(baskets.guests(), 2);
}

#[test]
fn the_lines_of_an_invoice_stay_together_in_the_order_of_the_file() {
    let baskets = excerpt();
    let split = baskets.invoices.iter().find(|invoice| &*invoice.number == "600014").unwrap();
    let lines: Vec<_> = baskets
        .lines_of(split)
        .iter()
        .map(|line| (&*baskets.products[line.product as usize].sku, line.quantity))
        .collect();
    assert_eq!(lines, [("10010", 1), ("10004", 6), ("10005", 1)]);
}

#[test]
fn a_product_has_its_first_price_and_its_first_description() {
    let baskets = excerpt();
    let product = |sku: &str| baskets.products.iter().find(|product| &*product.sku == sku).unwrap();
    assert_eq!((product("10001A").price, product("10001A").name.as_deref()), (255, Some("PAPER LANTERN SMALL")));
    assert_eq!((product("10001a").price, product("10001a").name.as_deref()), (339, Some("PAPER LANTERN LARGE")));
    assert_eq!((product("10003").price, product("10003").name.as_deref()), (85, Some("PAPER DOILIES")));
    assert_eq!((product("10004").price, product("10004").name.as_deref()), (195, Some("MUG, \"BEST\" AUNT")));
    assert_eq!(product("10006").name.as_deref(), Some("GIFT VOUCHER £10.00"));
}

#[test]
fn an_invoice_has_its_month_and_its_country() {
    let baskets = excerpt();
    let of = |number: &str| {
        let invoice = baskets.invoices.iter().find(|invoice| &*invoice.number == number).unwrap();
        (invoice.month, invoice.country)
    };
    assert_eq!(of("600001"), (Month { year: 2010, month: 12 }, "GB"));
    assert_eq!(of("600002").1, "IE");
    assert_eq!(of("600011"), (Month { year: 2011, month: 6 }, "GB"));
    assert_eq!(of("600016").1, "GB");
}

#[test]
fn a_line_is_left_out_for_the_first_reason_that_applies() {
    let time = "2011-01-04T10:00:00Z";
    check_left_out(&format!("1,A,x,1,{time},0.01,9,France"), None);
    check_left_out(&format!("C1,A,x,1,{time},0.01,9,France"), Some(LeftOut::InvoiceNotNumeric));
    check_left_out(&format!("C1,A B,x,-1,{time},0,9,France"), Some(LeftOut::InvoiceNotNumeric));
    check_left_out(&format!("١,A,x,1,{time},0.01,9,France"), Some(LeftOut::InvoiceNotNumeric));
    check_left_out(&format!("1,A,x,0,{time},0,9,France"), Some(LeftOut::Quantity));
    check_left_out(&format!("1,A,x,100000,{time},1,9,France"), None);
    check_left_out(&format!("1,A,x,100001,{time},1,9,France"), Some(LeftOut::Quantity));
    check_left_out(&format!("1,A,x,,{time},1,9,France"), Some(LeftOut::Quantity));
    check_left_out(&format!("1,A,x,1,{time},0.001,9,France"), Some(LeftOut::PriceBelowAPenny));
    check_left_out(&format!("1,A,x,1,{time},1.005,9,France"), Some(LeftOut::PriceFraction));
    check_left_out(&format!("1,A,x,1,{time},,9,France"), Some(LeftOut::PriceNotANumber));
    check_left_out(&format!("1,A B,x,1,{time},1,9,France"), Some(LeftOut::StockCode));
    check_left_out(&format!("1,{},x,1,{time},1,9,France", "x".repeat(64)), None);
    check_left_out(&format!("1,{},x,1,{time},1,9,France", "x".repeat(65)), Some(LeftOut::StockCode));
}

#[test]
fn a_file_that_is_not_gzip_is_refused() {
    check_refused(EXCERPT.as_bytes(), "is not a gzip file");
    check_refused(b"", "is not a gzip file");
    check_refused(b"\x1f", "is not a gzip file");
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    let error = Baskets::read(Path::new("/nowhere/baskets.csv.gz")).unwrap_err();
    assert_eq!(error.to_string(), "cannot open /nowhere/baskets.csv.gz");
}

#[test]
fn a_truncated_gzip_is_refused_wherever_it_was_cut() {
    let whole = gzip(EXCERPT.as_bytes());
    for length in [10, 11, 50, whole.len() / 2, whole.len() - 8, whole.len() - 1] {
        check_refused(&whole[..length], "is truncated");
    }
}

#[test]
fn a_text_that_was_cut_before_it_was_compressed_is_refused() {
    let last = EXCERPT.trim_end().rfind('\n').unwrap();
    for end in [EXCERPT.len() - 1, EXCERPT.len() - 5, last + 20, last + 1 + 3] {
        check_refused(&gzip(&EXCERPT.as_bytes()[..end]), "is truncated");
    }
}

#[test]
fn damaged_compressed_bytes_are_refused() {
    let mut bytes = gzip(EXCERPT.as_bytes());
    let crc = bytes.len() - 6;
    bytes[crc] ^= 0xff;
    check_refused(&bytes, "cannot be read");
}

#[test]
fn another_header_is_refused() {
    check_refused(&gzip(b"InvoiceNo,StockCode\n536365,85123A\n"), "has another header: \"InvoiceNo,StockCode\"");
    check_refused(&gzip(b""), "has another header: \"\"");
    check_refused(&gzip(EXCERPT.replacen("unit_price", "price", 1).as_bytes()), "has another header");
    check_refused(&gzip(format!("{HEADER},more\n").as_bytes()), "has another header");
}

#[test]
fn a_line_of_other_fields_is_refused() {
    check_refused(&gzip(format!("{HEADER}\n1,A,x,1\n2,B,y,1\n").as_bytes()), "line 2: 4 fields, where 8 are expected");
}

#[test]
fn a_time_that_is_none_is_refused() {
    let text = format!("{HEADER}\n1,A,x,1,12/1/2010 8:26,1.00,9,France\n");
    check_refused(&gzip(text.as_bytes()), "line 2: \"12/1/2010 8:26\" is no time");
}

#[test]
fn bytes_that_are_no_utf_8_are_refused() {
    check_refused(
        &gzip(&[HEADER.as_bytes(), b"\n1,A,\xff,1,2011-01-04T10:00:00Z,1,9,France\n"].concat()),
        "cannot be read after line",
    );
}
