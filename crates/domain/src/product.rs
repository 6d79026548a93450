//! A product: what is sold under one SKU, at what price, and whether it is for sale. One stream a SKU.
//!
//! `draft -> published -> archived`. Knows no stock: that is an inventory stream's.

mod attributes;
mod patch;

use serde::{Deserialize, Serialize};

pub use self::{
    attributes::{AttributeName, Attributes, AttributesPatch, Scalar},
    patch::Patch,
};
use crate::{
    aggregate::{Aggregate, listed},
    ids::{Prose, Sku, Text},
    money::Money,
};

pub type Name = Text<200>;
pub type Description = Prose<5_000>;
pub type Category = Text<200>;

/// The aggregate.
#[derive(Debug)]
pub struct Product;

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Create {
        sku: Sku,
        name: Name,
        description: Option<Description>,
        category: Option<Category>,
        price: Money,
        attributes: Attributes,
        parent_sku: Option<Sku>,
    },
    Update(Changes),
    ChangePrice {
        price: Money,
    },
    Publish,
    Archive,
}

/// What a JSON Merge Patch may change. The price has a command of its own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    pub name: Option<Name>,
    pub description: Patch<Description>,
    pub category: Patch<Category>,
    pub attributes: Patch<AttributesPatch>,
    pub parent_sku: Patch<Sku>,
}

crate::events! {
    pub enum Event {
        Created(Created) = "product.created" v1,
        Updated(Updated) = "product.updated" v1,
        CategoryChanged(CategoryChanged) = "product.category_changed" v1,
        PriceChanged(PriceChanged) = "product.price_changed" v1,
        Published(Published) = "product.published" v1,
        Archived(Archived) = "product.archived" v1,
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Created {
    pub sku: Sku,
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    pub price: Money,
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_sku: Option<Sku>,
}

/// Holds what changed and nothing else: a member that is null was taken away. Attributes are given in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Updated {
    pub sku: Sku,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub description: Patch<Description>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub parent_sku: Patch<Sku>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CategoryChanged {
    pub sku: Sku,
    /// Absent when the product was taken out of its category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_category: Option<Category>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PriceChanged {
    pub sku: Sku,
    pub price: Money,
    pub previous_price: Money,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    pub sku: Sku,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Archived {
    pub sku: Sku,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("no product has this SKU")]
    UnknownSku,
    #[error("the SKU {sku} is another product's already")]
    SkuTaken { sku: Sku },
    #[error("the product is {state}; it would accept {}", listed(allowed))]
    IllegalTransition { state: &'static str, allowed: Vec<&'static str> },
    #[error("the product {sku} is {state}; only a published one is sold")]
    NotPublished { sku: Sku, state: &'static str },
    #[error("a price is above zero, not {price}")]
    PriceNotPositive { price: Money },
    #[error("a product has at most {max} attributes, not {found}")]
    TooManyAttributes { found: usize, max: usize },
    #[error("the product {sku} cannot be a variant of itself")]
    OwnParent { sku: Sku },
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownSku => "unknown_sku",
            Self::SkuTaken { .. } => "sku_taken",
            Self::IllegalTransition { .. } => "illegal_transition",
            Self::NotPublished { .. } => "product_not_published",
            Self::PriceNotPositive { .. } => "price_not_positive",
            Self::TooManyAttributes { .. } => "too_many_attributes",
            Self::OwnParent { .. } => "own_parent",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum State {
    Absent,
    Draft(Details),
    Published(Details),
    Archived(Details),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Details {
    pub sku: Sku,
    pub name: Name,
    pub description: Option<Description>,
    pub category: Option<Category>,
    pub price: Money,
    pub attributes: Attributes,
    pub parent_sku: Option<Sku>,
}

/// What a cart takes from a product.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    pub sku: Sku,
    pub name: Name,
    pub unit_price: Money,
}

impl State {
    pub fn exists(&self) -> bool {
        self.details().is_some()
    }

    /// As shown to people and in JSON.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Draft(_) => "draft",
            Self::Published(_) => "published",
            Self::Archived(_) => "archived",
        }
    }

    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Absent => None,
            Self::Draft(details) | Self::Published(details) | Self::Archived(details) => Some(details),
        }
    }

    /// What is sold today: C5, only a published product is.
    pub fn offer(&self) -> Result<Offer, Error> {
        match self {
            Self::Published(Details { sku, name, price, .. }) => {
                Ok(Offer { sku: sku.clone(), name: name.clone(), unit_price: *price })
            }
            Self::Absent => Err(Error::UnknownSku),
            Self::Draft(details) | Self::Archived(details) => {
                Err(Error::NotPublished { sku: details.sku.clone(), state: self.status() })
            }
        }
    }

    fn illegal(&self) -> Error {
        let allowed = match self {
            Self::Absent => vec!["create"],
            Self::Draft(_) => vec!["update", "change_price", "publish"],
            Self::Published(_) => vec!["update", "change_price", "archive"],
            Self::Archived(_) => vec![],
        };
        Error::IllegalTransition { state: self.status(), allowed }
    }

    fn map(self, change: impl FnOnce(&mut Details)) -> Self {
        let changed = |mut details| {
            change(&mut details);
            details
        };
        match self {
            Self::Absent => Self::Absent,
            Self::Draft(details) => Self::Draft(changed(details)),
            Self::Published(details) => Self::Published(changed(details)),
            Self::Archived(details) => Self::Archived(changed(details)),
        }
    }
}

impl Aggregate for Product {
    const CATEGORY: &'static str = "product";
    const STATE_VERSION: i32 = 1;

    type State = State;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn initial() -> State {
        State::Absent
    }

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Create { sku, name, description, category, price, attributes, parent_sku } => {
                create(state, Created { sku, name, description, category, price, attributes, parent_sku })
            }
            Command::Update(changes) => update(state, changes),
            Command::ChangePrice { price } => change_price(state, price),
            Command::Publish => match state {
                State::Draft(details) => Ok(vec![Event::Published(Published { sku: details.sku.clone() })]),
                State::Published(_) => Ok(vec![]),
                State::Absent | State::Archived(_) => Err(state.illegal()),
            },
            Command::Archive => match state {
                State::Published(details) => Ok(vec![Event::Archived(Archived { sku: details.sku.clone() })]),
                State::Archived(_) => Ok(vec![]),
                State::Absent | State::Draft(_) => Err(state.illegal()),
            },
        }
    }

    fn evolve(state: State, event: &Event) -> State {
        match event {
            Event::Created(created) => State::Draft(Details::from(created.clone())),
            Event::Updated(updated) => state.map(|details| details.update(updated.clone())),
            Event::CategoryChanged(changed) => state.map(|details| details.category = changed.category.clone()),
            Event::PriceChanged(changed) => state.map(|details| details.price = changed.price),
            Event::Published(_) => match state {
                State::Draft(details) => State::Published(details),
                State::Absent | State::Published(_) | State::Archived(_) => state,
            },
            Event::Archived(_) => match state {
                State::Draft(details) | State::Published(details) => State::Archived(details),
                State::Absent | State::Archived(_) => state,
            },
        }
    }

    fn weight(state: &State) -> usize {
        let details = state.details().map_or(0, |details| {
            details.sku.as_str().len()
                + details.name.as_str().len()
                + details.description.as_ref().map_or(0, |text| text.as_str().len())
                + details.category.as_ref().map_or(0, |text| text.as_str().len())
                + details.attributes.weight()
        });
        size_of::<State>() + details
    }
}

fn create(state: &State, created: Created) -> Result<Vec<Event>, Error> {
    positive(created.price)?;
    if created.parent_sku.as_ref() == Some(&created.sku) {
        return Err(Error::OwnParent { sku: created.sku });
    }
    match state.details() {
        None => Ok(vec![Event::Created(created)]),
        Some(details) if *details == Details::from(created.clone()) => Ok(vec![]),
        Some(details) => Err(Error::SkuTaken { sku: details.sku.clone() }),
    }
}

fn update(state: &State, changes: Changes) -> Result<Vec<Event>, Error> {
    let (State::Draft(details) | State::Published(details)) = state else {
        return Err(state.illegal());
    };
    let Changes { name, description, category, attributes, parent_sku } = changes;
    if parent_sku.set() == Some(&details.sku) {
        return Err(Error::OwnParent { sku: details.sku.clone() });
    }
    let attributes = match attributes {
        Patch::Keep => None,
        Patch::Clear => Some(Attributes::default()),
        Patch::Set(patch) => Some(details.attributes.patched(patch)?),
    };
    let updated = Updated {
        sku: details.sku.clone(),
        name: name.filter(|name| *name != details.name),
        description: description.unless_already(&details.description),
        attributes: attributes.filter(|attributes| *attributes != details.attributes),
        parent_sku: parent_sku.unless_already(&details.parent_sku),
    };
    let mut events = Vec::new();
    if !updated.is_empty() {
        events.push(Event::Updated(updated));
    }
    let category = category.unless_already(&details.category);
    if !category.is_keep() {
        events.push(Event::CategoryChanged(CategoryChanged {
            sku: details.sku.clone(),
            category: category.set().cloned(),
            previous_category: details.category.clone(),
        }));
    }
    Ok(events)
}

fn change_price(state: &State, price: Money) -> Result<Vec<Event>, Error> {
    let (State::Draft(details) | State::Published(details)) = state else {
        return Err(state.illegal());
    };
    positive(price)?;
    if price == details.price {
        return Ok(vec![]);
    }
    Ok(vec![Event::PriceChanged(PriceChanged { sku: details.sku.clone(), price, previous_price: details.price })])
}

fn positive(price: Money) -> Result<(), Error> {
    if price.is_positive() { Ok(()) } else { Err(Error::PriceNotPositive { price }) }
}

impl From<Created> for Details {
    fn from(created: Created) -> Self {
        let Created { sku, name, description, category, price, attributes, parent_sku } = created;
        Self { sku, name, description, category, price, attributes, parent_sku }
    }
}

impl Details {
    fn update(&mut self, updated: Updated) {
        let Updated { sku: _, name, description, attributes, parent_sku } = updated;
        if let Some(name) = name {
            self.name = name;
        }
        description.apply(&mut self.description);
        if let Some(attributes) = attributes {
            self.attributes = attributes;
        }
        parent_sku.apply(&mut self.parent_sku);
    }
}

impl Updated {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.description.is_keep() && self.attributes.is_none() && self.parent_sku.is_keep()
    }
}

#[cfg(test)]
mod tests;
