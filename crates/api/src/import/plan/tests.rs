//! The file's reading, on an excerpt of the real year whose sums were computed apart from this program, and on lines that the
//! real year does not have.

use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::online_retail::HEADER;

const EXCERPT: &str = include_str!("../../../../../tests/data/online-retail-excerpt.csv");

/// A file of one test, removed at its end.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn read(text: &str) -> Result<Plan, PlanError> {
    let path = std::env::temp_dir().join(format!("daybook-import-{}.csv.gz", uuid::Uuid::now_v7()));
    let mut gzip = GzEncoder::new(std::fs::File::create(&path).unwrap(), Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap();
    Plan::read(&Scratch(path).0)
}

fn read_lines(lines: &[&str]) -> Plan {
    read(&format!("{HEADER}\n{}\n", lines.join("\n"))).unwrap()
}

/// Those that there are.
fn left_out(plan: &Plan) -> Vec<(LeftOut, u64)> {
    let all = LeftOut::ALL.into_iter().map(|reason| (reason, plan.left_out(reason).lines));
    all.filter(|(_, lines)| *lines > 0).collect()
}

#[test]
fn the_excerpt_comes_to_what_it_comes_to() {
    let plan = read(EXCERPT).unwrap();
    let Ledger { sales, refunds } = &plan.file;
    assert_eq!((plan.lines, plan.orders.len(), plan.refunds.len()), (148, 40, 13));
    assert_eq!((sales.lines, sales.units, sales.pence), (117, 161_026, 25_926_628));
    assert_eq!((refunds.lines, refunds.pence), (13, 276_250));
    assert_eq!(
        (refunds.by_country[&Some("JP")], refunds.by_country[&Some("DE")], plan.elsewhere),
        (159_120, 22_275, 0)
    );
    let months: Vec<_> = sales.by_month.iter().map(|(month, pence)| (month.to_string(), *pence)).collect();
    assert_eq!(months[0], ("2010-12".to_owned(), 793_563));
    assert_eq!(months[11], ("2011-12".to_owned(), 16_846_960));
    assert_eq!(sales.by_country[&None], 3_085 + 4_770);
    assert_eq!(sales.by_country[&Some("JP")], 381_195);
    assert_eq!(
        left_out(&plan),
        [
            (LeftOut::Invoice, 3),
            (LeftOut::Units, 2),
            (LeftOut::PriceBelowAPenny, 2),
            (LeftOut::NoCustomer, 1),
            (LeftOut::NotReturnable, 10),
        ]
    );
    assert_eq!(plan.left_out(LeftOut::Invoice).pence, 1_106_206);
    let out: u64 = left_out(&plan).iter().map(|(_, lines)| lines).sum();
    assert_eq!(plan.taken() + out, plan.lines);
    assert_eq!(plan.renamed, [("BANK CHARGES".into(), Sku::new("BANK-CHARGES").unwrap())]);
    assert_eq!(plan.unknown_countries, ["Unspecified".into(), "European Community".into()]);
}

#[test]
fn the_same_file_makes_the_same_ids_and_a_longer_one_begins_with_them() {
    let (once, again) = (read(EXCERPT).unwrap(), read(EXCERPT).unwrap());
    assert_eq!((&once.orders, &once.refunds), (&again.orders, &again.refunds));
    let longer =
        read(&format!("{EXCERPT}581484,10002,TIN BOX,1,2011-12-09T09:16:00Z,1.25,16446,United Kingdom\n")).unwrap();
    assert_eq!(longer.orders[..40], once.orders);
    assert_eq!(longer.refunds, once.refunds);
    let ids: std::collections::BTreeSet<_> =
        once.orders.iter().flat_map(|order| &order.lines).map(|line| line.id).collect();
    assert_eq!(ids.len(), 117);
}

#[test]
fn each_line_keeps_its_own_price_and_an_invoice_the_time_of_its_first() {
    let plan = read_lines(&[
        "600001,10002,TIN BOX,2,2010-12-31T23:59:00Z,1.2,20001,EIRE",
        "600001,10002,,3,2011-01-01T00:00:00Z,1.25,20001,EIRE",
    ]);
    let [order] = &plan.orders[..] else { panic!("{:?}", plan.orders) };
    let lines: Vec<_> = order.lines.iter().map(|line| (line.name.as_str(), line.unit_price.amount())).collect();
    assert_eq!(lines, [("TIN BOX", 120), ("10002", 125)]);
    assert_eq!(order.occurred_at.to_rfc3339(), "2010-12-31T23:59:00+00:00");
    assert_eq!(plan.file.sales.by_month.values().copied().collect::<Vec<_>>(), [615]);
}

#[test]
fn a_line_of_another_buyer_than_its_invoice_is_left_out() {
    let plan = read_lines(&[
        "600001,10002,TIN BOX,2,2010-12-01T08:26:00Z,1.2,20001,EIRE",
        "600001,10002,TIN BOX,2,2010-12-01T08:26:00Z,1.2,20002,EIRE",
        "600001,10002,TIN BOX,2,2010-12-01T08:26:00Z,1.2,,EIRE",
        "600001,10002,TIN BOX,2,2010-12-01T08:26:00Z,1.2,20001,France",
        "600002,,TIN BOX,2,2010-12-01T08:26:00Z,1.2,20001,EIRE",
    ]);
    assert_eq!(left_out(&plan), [(LeftOut::StockCode, 1), (LeftOut::OtherBuyer, 3)]);
    assert_eq!((plan.orders.len(), plan.file.sales.pence), (1, 240));
}

#[test]
fn a_cancellation_is_taken_off_where_its_orders_went_to_whatever_it_says() {
    let plan = read_lines(&[
        "600001,10002,TIN BOX,2,2010-12-01T08:26:00Z,1.2,20001,EIRE",
        "600002,10002,TIN BOX,1,2010-12-02T08:26:00Z,1.2,20001,France",
        "C600003,10002,TIN BOX,-3,2011-01-03T08:26:00Z,1.2,20001,France",
    ]);
    let refunds = &plan.file.refunds;
    assert_eq!((refunds.lines, refunds.units, refunds.pence, plan.elsewhere), (1, 3, 360, 1));
    assert_eq!(refunds.by_country, [(Some("FR"), 120), (Some("IE"), 240)].into());
    assert_eq!(refunds.by_month.values().copied().collect::<Vec<_>>(), [360]);
    let told = plan.to_string();
    assert!(told.contains("Another country: 1 lines are taken off"), "{told}");
}

#[test]
fn an_invoice_has_as_many_lines_as_an_order() {
    let line = "600001,10002,TIN BOX,1,2010-12-01T08:26:00Z,1,20001,EIRE\n";
    let plan = read(&format!("{HEADER}\n{}", line.repeat(order::LINES_MAX + 1))).unwrap();
    assert_eq!(left_out(&plan), [(LeftOut::TooManyLines, 1)]);
    assert_eq!(plan.orders[0].lines.len(), order::LINES_MAX);
}

#[track_caller]
fn check_refused(line: &str, expected: &str) {
    let good = "600001,10002,TIN BOX,2,2010-12-01T08:26:00Z,1.2,20001,EIRE";
    let error = read(&format!("{HEADER}\n{good}\n{line}\n")).unwrap_err().to_string();
    assert!(error.ends_with(expected), "{error}");
}

#[test]
fn nonsense_refuses_the_file_and_names_the_line() {
    check_refused("600001,10002,TIN BOX,2,2010-12-01T08:26:00Z,free,20001,EIRE", "line 3: \"free\" is no price");
    check_refused("A1,B,bad debt,1,2010-12-01T08:26:00Z,1e3,,EIRE", "line 3: \"1e3\" is no price");
    check_refused("600001,10002,TIN BOX,1.5,2010-12-01T08:26:00Z,1,,EIRE", "line 3: \"1.5\" is no quantity");
    check_refused(
        "600001,10002,TIN BOX,1,12/1/2010 8:26,1,,EIRE",
        "line 3: \"12/1/2010 8:26\" is no time such as 2010-12-01T08:26:00Z",
    );
    check_refused("600001,10002,TIN BOX,1,2010-12-01T08:26:00Z,1,", "line 3: 7 fields, where 8 are expected");
    check_refused(
        "600001,1 2,TIN BOX,1,2010-12-01T08:26:00Z,1,,EIRE\n600001,1-2,TIN BOX,1,2010-12-01T08:26:00Z,1,,EIRE",
        "would be one SKU, 1-2",
    );
}
