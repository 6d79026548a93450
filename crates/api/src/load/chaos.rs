//! What goes otherwise than it should in a chaotic load: each invoice has its fate, drawn from the seed, the same in every run.
//! How the requests of many clients fall together is not drawn: that differs from run to run, and whatever comes of it must
//! reconcile.
//!
//! - [`draws`]: numbers, and parts of a basket, from a seed; [`kinds`]: what happened, counted

pub mod draws;
pub mod kinds;

use std::time::Duration;

use draws::{Draws, Units, total};

/// Where the draws begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

/// What is to happen to one invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    pub token: &'static str,
    pub then: Then,
    /// Where it is paid again, the second token is declined too.
    pub declines_again: bool,
    /// The checkout is sent once more under its key, and so is the merge before it.
    pub repeats: bool,
    /// The key of the checkout is used for another request.
    pub reuses_key: bool,
    /// The client hangs up before the checkout is answered, and sends it again.
    pub hangs_up: bool,
    /// Who has an account fills a part of the cart before they log in.
    pub merges: bool,
    /// The customer corrects the address once they have checked out.
    pub moves: bool,
    /// How long the customer thinks about all that before they do it: some until the parcel may have left.
    pub hesitates: Duration,
    /// Somebody sends a webhook of a provider that sends none.
    pub forges: bool,
    /// Staff sends it in so many parcels, as far as there are units.
    pub parcels: u64,
    /// Before the last parcel, staff cancels some of what is unsent.
    pub staff_cancels: bool,
    /// Staff sends everything twice: parcels and deliveries, what is decided about returns, refunds.
    pub staff_repeats: bool,
    pub returns: Option<GoodsBack>,
    /// Of a thousand pence that are left after all that, so many are given back.
    pub refund_per_mille: Option<u64>,
    /// By the payment, not by the order.
    pub refunds_by_payment: bool,
    draws: (u64, usize),
}

/// What the customer does after the checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Wait,
    Cancel,
    /// Some of the units, once the order is confirmed and if they are not sent yet.
    CancelLines,
    /// Pay by another method, once the first is declined.
    PayAgain,
}

/// Goods that a customer asks to send back, once everything is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoodsBack {
    pub is_whole: bool,
    pub ends: ReturnEnds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnEnds {
    Rejected,
    /// Approved, and rejected when nothing came.
    NeverCame,
    Received {
        /// Less than was asked for.
        short: bool,
    },
}

/// To what end units are drawn.
#[derive(Debug, Clone, Copy)]
enum End {
    Fate,
    Merge,
    CancelLines,
    Parcel(u64),
    StaffCancels,
    Return,
    Receipt,
    Restock,
}

impl End {
    fn number(self) -> u64 {
        match self {
            Self::Fate => 1,
            Self::Merge => 2,
            Self::CancelLines => 3,
            Self::StaffCancels => 4,
            Self::Return => 5,
            Self::Receipt => 6,
            Self::Restock => 7,
            Self::Parcel(number) => 100 + number,
        }
    }
}

impl Fate {
    /// Nothing goes wrong.
    pub const CALM: Self = Self {
        token: "tok_ok",
        then: Then::Wait,
        declines_again: false,
        repeats: false,
        reuses_key: false,
        hangs_up: false,
        merges: false,
        moves: false,
        hesitates: Duration::ZERO,
        forges: false,
        parcels: 1,
        staff_cancels: false,
        staff_repeats: false,
        returns: None,
        refund_per_mille: None,
        refunds_by_payment: false,
        draws: (0, 0),
    };

    pub fn of(seed: Seed, invoice: usize) -> Self {
        let mut draws = Draws::new(seed.0, invoice, End::Fate.number());
        let (token, then) = payment(&mut draws);
        // Once a provider has said no to a capture, nothing more is sent of the order.
        let is_captured = token != FAILING_CAPTURE;
        let mut fate = Self {
            token,
            then,
            declines_again: draws.happens(400),
            repeats: draws.happens(150),
            reuses_key: draws.happens(100),
            hangs_up: draws.happens(100),
            merges: draws.happens(150),
            moves: draws.happens(80),
            forges: draws.happens(30),
            parcels: if draws.happens(250) && is_captured { 2 + draws.below(2) } else { 1 },
            // Two who cancel lines of one order might together cancel all of it.
            staff_cancels: draws.happens(100) && is_captured && then != Then::CancelLines,
            staff_repeats: draws.happens(150),
            returns: draws.happens(200).then(|| GoodsBack::of(&mut draws)),
            refund_per_mille: draws.happens(100).then(|| 1 + draws.below(1_000)),
            refunds_by_payment: draws.happens(400),
            draws: (seed.0, invoice),
            ..Self::CALM
        };
        if draws.happens(300) {
            fate.hesitates = Duration::from_millis(draws.below(HESITATES_MS_MAX));
        }
        fate
    }

    /// Whether what is sent is paid for in the end.
    pub fn is_captured(self) -> bool {
        self.token != FAILING_CAPTURE
    }

    /// How many of so many lines are in the cart before the customer logs in: at least one, and maybe all.
    pub fn lines_before_login(self, lines: usize) -> usize {
        let bound = u64::try_from(lines.max(1)).unwrap_or(u64::MAX);
        usize::try_from(1 + self.draws_for(End::Merge).below(bound)).unwrap_or(lines).min(lines)
    }

    /// What the customer cancels of these units: never all of them, for that is to cancel the order.
    pub fn cancelled_by_customer(self, units: &Units) -> Units {
        self.draws_for(End::CancelLines).a_part_of(units)
    }

    /// What is in a parcel that is not the last, of what is unsent.
    pub fn parcel(self, number: u64, unsent: &Units) -> Units {
        self.draws_for(End::Parcel(number)).a_part_of(unsent)
    }

    /// What staff cancels of what is unsent: all of it, too, once a parcel has left.
    pub fn cancelled_by_staff(self, unsent: &Units, parcels_sent: usize) -> Units {
        let mut draws = self.draws_for(End::StaffCancels);
        if parcels_sent == 0 { draws.a_part_of(unsent) } else { draws.some_of(unsent) }
    }

    /// What of these units goes back.
    pub fn returned(self, goods: GoodsBack, delivered: &Units) -> Units {
        if goods.is_whole { delivered.clone() } else { self.draws_for(End::Return).some_of(delivered) }
    }

    /// What of them comes.
    pub fn received(self, short: bool, returned: &Units) -> Units {
        let part = self.draws_for(End::Receipt).a_part_of(returned);
        if short && total(&part) > 0 { part } else { returned.clone() }
    }

    /// What of them is fit to be sold again.
    pub fn restocked(self, received: &Units) -> Units {
        let mut draws = self.draws_for(End::Restock);
        match draws.below(3) {
            0 => Units::new(),
            1 => received.clone(),
            _ => draws.some_of(received),
        }
    }

    fn draws_for(self, end: End) -> Draws {
        Draws::new(self.draws.0, self.draws.1, end.number())
    }
}

/// Staff looks for orders to send every half second.
const HESITATES_MS_MAX: u64 = 2_000;
const FAILING_CAPTURE: &str = "tok_capture_fails";

fn payment(draws: &mut Draws) -> (&'static str, Then) {
    match draws.below(1_000) {
        0..60 => ("tok_declined", draws.either(Then::PayAgain, Then::Cancel)),
        60..100 => ("tok_insufficient_funds", draws.either(Then::PayAgain, Then::Cancel)),
        100..140 => ("tok_requires_action", draws.either(Then::PayAgain, Then::Cancel)),
        140..170 => ("tok_error_once", Then::Wait),
        170..190 => ("tok_slow", draws.either(Then::Wait, Then::Cancel)),
        190..200 => ("tok_timeout", draws.either(Then::Wait, Then::Cancel)),
        200..220 => (FAILING_CAPTURE, Then::Wait),
        220..320 => ("tok_ok", Then::Cancel),
        320..400 => ("tok_ok", Then::CancelLines),
        _ => ("tok_ok", Then::Wait),
    }
}

impl GoodsBack {
    fn of(draws: &mut Draws) -> Self {
        let is_whole = draws.happens(250);
        let ends = match draws.below(10) {
            0..2 => ReturnEnds::Rejected,
            2..4 => ReturnEnds::NeverCame,
            4..6 => ReturnEnds::Received { short: true },
            _ => ReturnEnds::Received { short: false },
        };
        Self { is_whole, ends }
    }
}

#[cfg(test)]
mod tests;
