//! What the import tells: what was in the file and what was left out of it, what was recorded, and whether the book says the
//! same as the file.

use std::fmt::{self, Display};

use super::check::Compared;
use super::plan::{Amount, Plan};
use super::run::{Done, Recorded};
use super::sums::Sums;
use super::verdict::LeftOut;
use crate::load::numbers::{grouped, pounds};

impl Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sales, refunds) = (&self.file.sales, &self.file.refunds);
        writeln!(f, "File: {} lines", grouped(self.lines))?;
        writeln!(f, "  {} in {} orders", lines(sales), grouped(self.orders.len()))?;
        writeln!(f, "  {} cancelled, as {} refunds", lines(refunds), grouped(self.refunds.len()))?;
        let left_out: Vec<_> = LeftOut::ALL.into_iter().map(|reason| (reason, self.left_out(reason))).collect();
        let count: u64 = left_out.iter().map(|(_, amount)| amount.lines).sum();
        writeln!(f, "Left out: {} lines", grouped(count))?;
        for (reason, Amount { lines, pence }) in left_out {
            if lines > 0 {
                let amount = if pence == 0 { String::new() } else { format!(" ({})", pounds(pence)) };
                writeln!(f, "  {:>9}  {reason}{amount}", grouped(lines))?;
            }
        }
        for (code, sku) in &self.renamed {
            writeln!(f, "No SKU: stock code {code:?} is {sku} in the book")?;
        }
        if !self.unknown_countries.is_empty() {
            writeln!(f, "No country: {}", self.unknown_countries.join(", "))?;
        }
        if self.elsewhere > 0 {
            let lines = grouped(self.elsewhere);
            writeln!(f, "Another country: {lines} lines are taken off the sales to the country of their order")?;
        }
        Ok(())
    }
}

fn lines(sums: &Sums) -> String {
    format!("{} lines, {} units, {}", grouped(sums.lines), grouped(sums.units), pounds(sums.pence))
}

/// What was recorded, and how fast.
pub(super) struct Recording<'a>(pub(super) &'a Plan, pub(super) &'a Done);

impl Display for Recording<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(plan, done) = self;
        tell(f, "orders", &done.orders)?;
        tell(f, "refunds", &done.refunds)?;
        let seconds = done.took.as_secs_f64();
        let rate = plan.taken() as f64 / seconds.max(0.001);
        writeln!(f, "Took {seconds:.1} s, {} lines/s", grouped(rate.round() as u64))
    }
}

fn tell(f: &mut fmt::Formatter<'_>, what: &str, recorded: &Recorded) -> fmt::Result {
    let Recorded { new, known, refused, refusals } = recorded;
    write!(f, "Recorded {} {what}", grouped(new))?;
    if *known > 0 {
        write!(f, "; {} were there before", grouped(known))?;
    }
    if *refused > 0 {
        write!(f, "; {} were REFUSED", grouped(refused))?;
    }
    writeln!(f)?;
    for refusal in refusals {
        writeln!(f, "  {refusal}")?;
    }
    Ok(())
}

/// File against book, a line each.
pub(super) struct Comparison<'a>(pub(super) &'a [Compared]);

impl Display for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for compared in self.0 {
            let Compared { what, file, book } = compared;
            let verdict = if compared.agrees() { "ok  " } else { "FAIL" };
            write!(f, "{verdict} {what:<34} {:>15}", pounds(*file))?;
            if compared.agrees() { writeln!(f)? } else { writeln!(f, ", and {} in the book", pounds(*book))? }
        }
        Ok(())
    }
}

impl Done {
    /// All that there is to tell once it is done.
    pub fn report<'a>(&'a self, plan: &'a Plan) -> impl Display + 'a {
        struct Both<'a>(Recording<'a>, Comparison<'a>);
        impl Display for Both<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", self.0, self.1)
            }
        }
        Both(Recording(plan, self), Comparison(&self.compared))
    }
}
