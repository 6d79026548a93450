//! What the fulfilment process does about parcels.

use super::*;
use crate::gateway::Gateways;
use crate::spec::{Shop, effects, ship};

#[test]
fn step_4_a_parcel_that_leaves_is_captured_for() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    shop.accept(ship(1, None));
    let process = FulfilmentProcess::new(Gateways::default().capturing_once());
    let all: Vec<_> = shop.book.iter().flat_map(|event| effects(&process, event)).collect();
    assert_eq!(all, ["run request_capture"]);
}
