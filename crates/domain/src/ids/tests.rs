//! Names are accepted and refused as they should be, and read back as they were written.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn order_id(id: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(id))
}

#[test]
fn a_sku_is_1_to_64_of_its_alphabet_and_nothing_else() {
    for good in ["A", "85123A", "gift_0001_20", "a.b-c_d", &"x".repeat(64)] {
        assert_eq!(Sku::new(good).unwrap().as_str(), good);
    }
    for bad in ["", " ", "a b", "é", "a/b", "a\0", " A", &"x".repeat(65)] {
        assert_eq!(Sku::new(bad), Err(Error::Sku), "{bad:?}");
    }
}

#[test]
fn skus_that_differ_only_by_case_are_two_products() {
    let (upper, lower) = (Sku::new("15056BL").unwrap(), Sku::new("15056bl").unwrap());
    assert_ne!(upper, lower);
    assert_ne!(product_stream(&upper), product_stream(&lower));
}

#[test]
fn natural_keys_give_stream_ids_that_never_change() {
    let sku = Sku::new("85123A").unwrap();
    assert_eq!(product_stream(&sku), Uuid::new_v5(&NAMESPACE, b"product/85123A"));
    assert_eq!(inventory_stream(&sku, &Location::main()), Uuid::new_v5(&NAMESPACE, b"inventory/85123A/main"));
    assert_eq!(product_stream(&sku).to_string(), "ff0bb8bd-2f4d-51cd-a29b-fa2fc0f9ec1f");
    assert_eq!(Location::main(), Location::new("main").unwrap());
    assert_eq!(Location::new("a b"), Err(Error::Location));
}

#[test]
fn a_quantity_is_1_to_100_000() {
    for good in [1, 80_995, 100_000] {
        assert_eq!(Quantity::new(good).unwrap().get(), good);
    }
    for bad in [0, -1, 100_001, i64::MAX, i64::MIN, (1 << 32) + 1] {
        assert_eq!(Quantity::new(bad), Err(Error::Quantity { found: bad }));
        assert!(serde_json::from_value::<Quantity>(json!(bad)).is_err());
    }
    assert_eq!(Quantity::MAX.checked_add(Quantity::ONE), Err(Error::Quantity { found: 100_001 }));
    assert_eq!(Quantity::ONE.checked_add(Quantity::ONE), Quantity::new(2));
    assert_eq!(Quantity::try_from(7).unwrap().to_string(), "7");
    assert!(serde_json::from_value::<Quantity>(json!(1.5)).is_err());
}

#[test]
fn a_text_is_trimmed_bounded_and_free_of_control_characters() {
    assert_eq!(Text::<5>::new("  Tea  ").unwrap().as_str(), "Tea");
    assert_eq!(Text::<5>::new("ééééé").unwrap().to_string(), "ééééé");
    for bad in ["", "  ", "a\0", "a\nb", "a\u{7f}b", "sixsix"] {
        assert_eq!(Text::<5>::new(bad), Err(Error::Text { chars_max: 5 }), "{bad:?}");
    }
    assert_eq!(Prose::<9>::new("a\n\tb\r\nc").unwrap().as_str(), "a\n\tb\r\nc");
    assert_eq!(Prose::<9>::new("a\0").unwrap_err(), Error::Text { chars_max: 9 });
    assert!(serde_json::from_str::<Text<5>>(r#""a\u0000""#).is_err());
    let error = serde_json::from_str::<Text<5>>("7").unwrap_err().to_string();
    assert!(error.starts_with("invalid type: integer `7`, expected a string"), "{error}");
}

#[test]
fn ids_are_written_as_uuids_and_read_back() {
    let text = "0190b6a8-7c3e-7d21-9f0a-3b1c5d7e9f01";
    let id: CartId = text.parse().unwrap();
    assert_eq!(id.to_string(), text);
    assert_eq!(serde_json::to_value(id).unwrap(), json!(text));
    assert_eq!(CartId::from_uuid(id.as_uuid()), id);
    assert_eq!("cart".parse::<CartId>(), Err(Error::Id));
    let shipment_id = ShipmentId::from_uuid(id.as_uuid());
    assert_eq!(CaptureId::of_shipment(shipment_id).as_uuid(), shipment_id.as_uuid());
}

#[test]
fn o5_an_order_number_is_12_readable_characters_without_the_time() {
    let earlier = order_id(0x0190_b6a8_7c3e_7d21_9f0a_3b1c_5d7e_9f01);
    assert_eq!(OrderNumber::of(earlier).to_string(), "Y2HV3HEQX7R1");
    let same_bits_another_time = order_id(0x0290_b6a8_7c3e_7d21_9f0a_3b1c_5d7e_9f01);
    assert_eq!(OrderNumber::of(earlier), OrderNumber::of(same_bits_another_time));
}

#[test]
fn an_order_number_is_read_as_people_type_it() {
    let number = OrderNumber::new("0123456789AB").unwrap();
    assert_eq!(OrderNumber::new("oi23-4567-89ab"), Ok(number));
    assert_eq!(OrderNumber::new("0L2345678-9AB"), Ok(number));
    for bad in ["", "0123456789A", "0123456789ABC", "0123456789AU", "01234567é9A"] {
        assert_eq!(OrderNumber::new(bad), Err(Error::OrderNumber), "{bad:?}");
    }
}

#[test]
fn every_refusal_has_a_code() {
    let all = [
        (Error::Sku, "invalid_sku"),
        (Error::Location, "invalid_location"),
        (Error::Quantity { found: 0 }, "quantity_out_of_range"),
        (Error::Text { chars_max: 1 }, "invalid_text"),
        (Error::Id, "invalid_id"),
        (Error::OrderNumber, "invalid_order_number"),
    ];
    for (error, code) in all {
        assert_eq!(error.code(), code);
    }
    assert_eq!(Error::Quantity { found: 0 }.to_string(), "a quantity is 1 to 100000, not 0");
}

proptest! {
    #[test]
    fn o5_an_order_number_reads_back_and_keeps_60_bits(id: u128) {
        let number = OrderNumber::of(order_id(id));
        prop_assert_eq!(number.to_string().parse(), Ok(number));
        prop_assert_eq!(number.0, id as u64 & 0x0fff_ffff_ffff_ffff);
        prop_assert_eq!(serde_json::from_str::<OrderNumber>(&serde_json::to_string(&number).unwrap()).unwrap(), number);
    }

    #[test]
    fn any_text_is_kept_as_it_was_accepted(text: String) {
        if let Ok(accepted) = Text::<20>::new(&text) {
            let json = serde_json::to_string(&accepted).unwrap();
            prop_assert_eq!(serde_json::from_str::<Text<20>>(&json).unwrap(), accepted);
        }
    }
}
