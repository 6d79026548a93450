//! The small catalogue of `daybook dev`, so that there is something to buy. Loaded once: its commands carry keys.

use std::time::{Duration, Instant};

use commands::command::{Actor, Causation, CommandError, Envelope, Key};
use commands::executor::Commands;
use commands::inventory::ReceiveStock;
use commands::products::CreateProduct;
use commands::use_case::UseCase;
use domain::ids::{Location, Quantity, Sku};
use domain::money::{Currency, Money};
use domain::product::{Attributes, Category, Description, Name};
use uuid::Uuid;

pub(super) const FIRST_SKU: &str = "MUG-BLUE";
const STOCK: i64 = 500;

/// A machine that is busy when everything starts at once gets more time; a command has its key, so it may be repeated.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(100);

/// SKU, name, description, category, price in pence.
const CATALOGUE: [(&str, &str, &str, &str, i64); 8] = [
    (FIRST_SKU, "Stoneware mug, blue", "Holds 350 ml, and goes into the dishwasher.", "kitchen", 1_250),
    ("MUG-GREEN", "Stoneware mug, green", "Holds 350 ml, and goes into the dishwasher.", "kitchen", 1_250),
    ("TEAPOT-1L", "Cast iron teapot, 1 l", "Keeps tea warm for an hour.", "kitchen", 4_800),
    ("NOTEBOOK-A5", "Ruled notebook, A5", "192 numbered pages, sewn.", "paper", 1_499),
    ("PEN-FINE", "Fineliner, 0.4 mm", "Document-proof black ink.", "paper", 299),
    ("LAMP-DESK", "Desk lamp, brass", "With a dimmer and a bulb.", "lighting", 8_950),
    ("CANDLE-6", "Beeswax candles, six", "Burn for seven hours each.", "lighting", 1_800),
    ("BLANKET-WOOL", "Wool blanket, 140 × 200 cm", "Woven in Yorkshire.", "home", 9_900),
];

pub(super) async fn load(commands: &Commands) -> Result<(), CommandError> {
    for (sku, name, description, category, price) in CATALOGUE {
        let product = CreateProduct {
            sku: Sku::new(sku).expect("a SKU of ours"),
            name: Name::new(name).expect("a short name"),
            description: Some(Description::new(description).expect("a short text")),
            category: Some(Category::new(category).expect("a short name")),
            price: Money::new(price, Currency::GBP),
            attributes: Attributes::default(),
            parent_sku: None,
            publish: true,
        };
        let stock = ReceiveStock {
            sku: product.sku.clone(),
            location: Location::main(),
            quantity: Quantity::new(STOCK).expect("within the bounds"),
        };
        run(commands, format!("product/{sku}"), product).await?;
        run(commands, format!("stock/{sku}"), stock).await?;
    }
    Ok(())
}

async fn run<U: UseCase + Clone>(commands: &Commands, key: String, use_case: U) -> Result<(), CommandError> {
    let key = Key { scope: "demo".to_owned(), key, fingerprint: [0; 32], expires_at: None };
    let envelope = Envelope {
        actor: Actor::Service { id: Uuid::nil() },
        correlation_id: Uuid::now_v7(),
        causation: Causation::Request("the demo catalogue".to_owned()),
        traceparent: None,
        key: Some(key),
        expected: None,
    };
    let give_up_at = Instant::now() + PATIENCE;
    loop {
        match commands.run(use_case.clone(), envelope.clone()).await {
            // Somebody has changed what we would have made: theirs stands.
            Ok(_) | Err(CommandError::Rejected(_)) => return Ok(()),
            Err(CommandError::Overloaded | CommandError::Unavailable) if Instant::now() < give_up_at => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}
