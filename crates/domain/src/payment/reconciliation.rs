//! The ledger against the provider's books: where they agree, and where they do not.

use serde::{Deserialize, Serialize};

use super::{DiscrepancyFound, Error, Event, Ledger, Payment, Reconciled, State, Void};
use crate::{aggregate::fold, ids::Reason, money::Money};

/// What both sides must say alike.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Set aside, and still to be had.
    pub held: Money,
    pub captured: Money,
    pub refunded: Money,
    pub charged_back: Money,
}

/// What was last found, so that it is found once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Finding {
    Agrees(Figures),
    Differs { ours: Figures, theirs: Option<Figures>, detail: Reason },
}

/// While a result is still to come the two need not agree. `theirs` is `None` where the provider knows no such payment;
/// `difference` says what differs besides the figures, or instead. It is put on record that they agree where `attest` says
/// so, and where they did not before.
pub(super) fn reconcile(
    ledger: &Ledger,
    theirs: Option<Figures>,
    difference: Option<Reason>,
    attest: bool,
) -> Result<Vec<Event>, Error> {
    if ledger.awaits_provider() {
        return Ok(vec![]);
    }
    let (order_id, ours) = (ledger.order_id, ledger.figures());
    let found = match (theirs, difference) {
        (Some(theirs), None) if theirs == ours => agreed(ledger),
        (theirs, difference) => {
            let detail = difference.unwrap_or_else(|| in_words(&ours, theirs.as_ref()));
            Finding::Differs { ours, theirs, detail }
        }
    };
    if ledger.finding.as_ref() == Some(&found) {
        return Ok(vec![]);
    }
    Ok(match found {
        Finding::Agrees(figures) => {
            let differed = matches!(ledger.finding, Some(Finding::Differs { .. }));
            (attest || differed).then_some(Event::Reconciled(Reconciled { order_id, figures })).into_iter().collect()
        }
        Finding::Differs { ours, theirs, detail } => {
            vec![Event::DiscrepancyFound(DiscrepancyFound { order_id, ours, theirs, detail })]
        }
    })
}

/// Both may agree on what should not be.
fn agreed(ledger: &Ledger) -> Finding {
    let ours = ledger.figures();
    match ledger.given_back_twice() {
        twice if twice.is_positive() => Finding::Differs { ours, theirs: Some(ours), detail: twice_in_words(&ours) },
        _ => Finding::Agrees(ours),
    }
}

/// P2, as nobody here can keep it: a bank charges back what is being refunded at that moment, and the money goes twice. Who tells
/// of the second has told of both. It is found with the fact that makes it so, whichever comes last.
pub(super) fn found_twice(before: &State, events: Vec<Event>) -> Vec<Event> {
    let after = fold::<Payment>(before.clone(), &events);
    let (Some(before), Some(after)) = (before.ledger(), after.ledger()) else { return events };
    if after.given_back_twice() <= before.given_back_twice() {
        return events;
    }
    let (order_id, ours) = (after.order_id, after.figures());
    let found = DiscrepancyFound { order_id, ours, theirs: Some(ours), detail: twice_in_words(&ours) };
    events.into_iter().chain([Event::DiscrepancyFound(found)]).collect()
}

fn twice_in_words(figures: &Figures) -> Reason {
    let Figures { captured, refunded, charged_back, .. } = figures;
    text(&format!("{refunded} refunded and {charged_back} charged back, of {captured} captured"))
}

fn in_words(ours: &Figures, theirs: Option<&Figures>) -> Reason {
    let Some(theirs) = theirs else { return text("the provider knows no such payment") };
    let pairs = [
        ("held", ours.held, theirs.held),
        ("captured", ours.captured, theirs.captured),
        ("refunded", ours.refunded, theirs.refunded),
        ("charged back", ours.charged_back, theirs.charged_back),
    ];
    let differences = pairs.into_iter().filter(|(_, ours, theirs)| ours != theirs);
    let differences: Vec<_> =
        differences.map(|(what, ours, theirs)| format!("{what} {ours} here, {theirs} there")).collect();
    text(&differences.join("; "))
}

fn text(text: &str) -> Reason {
    Reason::new(text).expect("some amounts in words are shorter than a reason may be, and there is one at least")
}

impl Ledger {
    /// What went back beyond what was taken: refunded by us and charged back by the buyer's bank.
    pub fn given_back_twice(&self) -> Money {
        let beyond = self.refunded().saturating_add(self.charged_back()).saturating_sub(self.captured());
        if beyond.is_positive() { beyond } else { Money::zero(beyond.currency()) }
    }

    /// As the provider should have them, once every result is known.
    pub fn figures(&self) -> Figures {
        let is_gone = self.expired || !matches!(self.void, Void::None);
        let held = if is_gone { Money::zero(self.amount.currency()) } else { self.uncaptured() };
        Figures { held, captured: self.captured(), refunded: self.refunded(), charged_back: self.charged_back() }
    }
}
