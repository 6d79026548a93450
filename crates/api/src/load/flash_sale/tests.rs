//! What the sale has to come to, and what is no longer exact.

use super::*;

fn sale(buyers: u32, units: u32) -> FlashSale {
    FlashSale { buyers, units, clients: 8, target: Target::Own { postgres_bin: None } }
}

fn sold(orders: u64, refused: u64, stock: [i64; 4]) -> Sold {
    let mut tally = Tally::default();
    (0..orders).for_each(|_| tally.accept(Duration::from_millis(2)));
    (0..refused).for_each(|_| tally.refuse(OUT_OF_STOCK, Duration::from_millis(1)));
    let [on_hand, reserved, allocated, available] = stock;
    let stock = Stock { on_hand, reserved, allocated, available };
    let (filled_in, answered_in) = (Duration::from_secs(1), Duration::from_secs(2));
    Sold { tally, orders, confirmed: orders, stock, filled_in, answered_in, confirmed_in: answered_in }
}

fn failed(sale: &FlashSale, sold: &Sold) -> Vec<&'static str> {
    checks(sale, sold).iter().filter(|check| check.verdict == Verdict::Fail).map(|check| check.name).collect()
}

#[test]
fn a_sale_that_comes_out_to_the_unit_passes() {
    assert_eq!(failed(&sale(20, 5), &sold(5, 15, [5, 0, 5, 0])), [""; 0]);
    assert_eq!(failed(&sale(5, 20), &sold(5, 0, [20, 0, 5, 15])), [""; 0]);
}

#[test]
fn one_unit_too_many_or_too_few_fails() {
    assert_eq!(failed(&sale(20, 5), &sold(6, 14, [5, 0, 6, -1])), ["orders", "refusals", "stock"]);
    assert_eq!(failed(&sale(20, 5), &sold(4, 16, [5, 0, 4, 1])), ["orders", "refusals", "stock"]);
    assert_eq!(failed(&sale(20, 5), &Sold { confirmed: 4, ..sold(5, 15, [5, 1, 4, 0]) }), ["orders", "stock"]);
    assert_eq!(failed(&sale(20, 5), &Sold { orders: 6, ..sold(5, 15, [5, 0, 5, 0]) }), ["orders"]);
}

#[test]
fn a_refusal_of_another_kind_and_an_answer_that_is_lost_fail() {
    let mut other = sold(5, 14, [5, 0, 5, 0]);
    other.tally.refuse("conflict", Duration::from_millis(1));
    assert_eq!(failed(&sale(20, 5), &other), ["refusals"]);
    let mut lost = sold(5, 15, [5, 0, 5, 0]);
    lost.tally.unknown = 1;
    assert_eq!(failed(&sale(20, 5), &lost), ["refusals"]);
}

#[test]
fn the_report_names_the_slowest_and_the_whole_time() {
    let (sale, sold) = (sale(20, 5), sold(5, 15, [5, 0, 5, 0]));
    let report = Report { sale: &sale, sold: &sold }.to_string();
    for words in ["checkout p99", "refused: out_of_stock", "the whole of it", "3000.00 ms"] {
        assert!(report.contains(words), "{words}: {report}");
    }
}
