//! The flash sale at a small scale, over HTTP: it comes out to the unit, and says so when it does not.

use api::load::{
    Target,
    flash_sale::{FlashSale, run},
};

use super::shop::Shop;

async fn sell(shop: &Shop, buyers: u32, units: u32) -> (bool, String) {
    let sale = FlashSale { buyers, units, clients: 16, target: Target::Running(shop.instance.clone()) };
    let mut told = String::new();
    let exact = run(sale, |text| told += &format!("{text}\n")).await.unwrap();
    (exact, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn n1_of_120_buyers_at_once_30_get_one_of_30_units_and_90_are_refused() {
    let shop = Shop::open_without_kafka().await;
    let (exact, told) = sell(&shop, 120, 30).await;
    assert!(exact, "{told}");
    for words in ["30 confirmed of 30", "90 out of stock of 90", "0 available, 30 allocated of 30", "checkout p99"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    // The same shop again: another product, so nothing of the first sale counts.
    let (exact, told) = sell(&shop, 8, 20).await;
    assert!(exact && told.contains("12 available, 8 allocated of 20"), "{told}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_of_which_somebody_took_a_unit_is_not_exact() {
    let shop = Shop::open_without_kafka().await;
    shop.define(LOSES_A_UNIT).await;
    let (exact, told) = sell(&shop, 12, 4).await;
    assert!(!exact, "{told}");
    assert!(told.contains("FAIL        stock"), "{told}");
    shop.close().await;
}

/// From now on the read model has one unit less of whatever is new.
const LOSES_A_UNIT: &str = "
    CREATE FUNCTION stock_v2.lose() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.on_hand = NEW.on_hand - 1; RETURN NEW; END $$;
    CREATE TRIGGER lose BEFORE INSERT ON stock_v2.stock FOR EACH ROW EXECUTE FUNCTION stock_v2.lose()";
