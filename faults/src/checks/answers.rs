//! What clients were told against what the book says: I1, I2, I3, I11, I12, and that an orderly stop cuts nothing.

use std::collections::{HashMap, HashSet};

use crate::{
    evidence::{Cause, Done, Evidence},
    history::{Kind, Outcome, Record},
};

const SQL_WORDS: [&str; 8] = [
    "SELECT ",
    "INSERT INTO",
    "UPDATE ",
    "sqlx",
    "SQLSTATE",
    "panicked",
    "postgres://",
    "error returned from database",
];

/// I1: whatever was answered with success is in the book, at the position and in the version that the answer named.
pub(super) fn nothing_acknowledged_is_lost(evidence: &Evidence) -> Vec<String> {
    let done = evidence.done_by_key();
    let head = evidence.book.last().map_or(-1, |event| event.position.0);
    let created = evidence.book.iter().filter(|event| event.event_type == "order.created");
    let orders: HashSet<String> = created.map(|event| event.stream.id.hyphenated().to_string()).collect();
    let mut violations = Vec::new();
    for record in acknowledged(evidence) {
        let own = record.key.as_deref().and_then(|key| done.get(key)).and_then(|done| done.first());
        let lost = match (own, record.answer.position) {
            (_, None) => Some("names no position".to_owned()),
            (Some(done), Some(position)) if done.last != position => {
                Some(format!("names position {position}; its events end at {}", done.last))
            }
            (Some(done), _) => wrong_version(evidence, record, done),
            (None, _) if record.command.kind.always_changes() => Some("has no event in the book".to_owned()),
            (None, Some(position)) if position > head => Some(format!("names position {position}; the head is {head}")),
            (None, Some(_)) => None,
        };
        violations.extend(lost.map(|why| format!("{}: {why}", told(record))));
        violations.extend(lost_order(&orders, record));
    }
    violations
}

/// The version that the answer named, of the stream that it is about.
fn wrong_version(evidence: &Evidence, record: &Record, done: &Done) -> Option<String> {
    let category = match record.command.kind {
        Kind::OpenCart | Kind::AddItem => "cart",
        Kind::CheckOut
        | Kind::Cancel
        | Kind::Ship
        | Kind::Deliver
        | Kind::RequestReturn
        | Kind::ApproveReturn
        | Kind::ReceiveReturn
        | Kind::Refund => "order",
        _ => return None,
    };
    let answered = record.answer.version?;
    let of_it = (done.first..=done.last).filter_map(|position| evidence.event(position));
    let last = of_it.rev().find(|event| event.stream.category == category)?;
    (last.stream_version != answered)
        .then(|| format!("names version {answered}; {} has version {}", last.stream, last.stream_version))
}

/// The order that a checkout named.
fn lost_order(orders: &HashSet<String>, record: &Record) -> Option<String> {
    let location = record.answer.location.as_deref().filter(|_| record.command.kind == Kind::CheckOut)?;
    let id = location.rsplit('/').next()?;
    (!orders.contains(id)).then(|| format!("{}: its order {id} is not in the book", told(record)))
}

fn acknowledged(evidence: &Evidence) -> impl Iterator<Item = &Record> {
    evidence.history.iter().filter(|record| record.outcome == Outcome::Ok && record.command.kind.is_command())
}

/// I2: every event was led to by a request that was sent and not refused, or by an event before it.
pub(super) fn nothing_is_there_that_nobody_asked_for(evidence: &Evidence) -> Vec<String> {
    let by_op = evidence.by_op();
    let mut violations = Vec::new();
    let mut seen = HashSet::new();
    for done in &evidence.done {
        let Done { command_id, cause, first, .. } = done;
        let why = match cause {
            Cause::Request(op) => match by_op.get(op) {
                None => Some(format!("was asked for by {op}, which nobody sent")),
                Some(record) if record.outcome == Outcome::Fail => {
                    Some(format!("was asked for by {}, which was refused", told(record)))
                }
                Some(_) => None,
            },
            Cause::Position(position) if (1..*first).contains(position) => None,
            Cause::Position(position) => Some(format!("was led to by position {position}, which is not before it")),
            Cause::Deadline(_) | Cause::Provider(_) => None,
            Cause::Other(text) => Some(format!("does not say what led to it: {text}")),
        };
        violations.extend(why.map(|why| format!("position {first} {why}")));
        if !seen.insert(command_id) {
            violations.push(format!("position {first} is of command {command_id}, whose events stand elsewhere too"));
        }
    }
    violations
}

/// I3: one effect a key, and one answer; a key that was used for another request has no effect; whatever has an effect under
/// a key has the key stored, also the effects of process managers.
pub(super) fn each_key_has_one_effect(evidence: &Evidence) -> Vec<String> {
    let mut violations = Vec::new();
    for (key, done) in evidence.done_by_key() {
        if done.len() > 1 {
            let positions: Vec<_> = done.iter().map(|done| done.first).collect();
            violations.push(format!("key {key} took effect {} times, at {positions:?}", done.len()));
        }
    }
    let mut answers: HashMap<&str, &Record> = HashMap::new();
    for record in acknowledged(evidence) {
        let Some(key) = record.key.as_deref() else { continue };
        let first = answers.entry(key).or_insert(record);
        let same_request = |other: &Record| {
            (other.command.method, &other.command.path, &other.command.body)
                == (record.command.method, &record.command.path, &record.command.body)
        };
        let named = |record: &Record| {
            (record.status, record.answer.position, record.answer.version, record.answer.location.clone())
        };
        if !same_request(first) {
            violations.push(format!("key {key} was accepted for {} and for {}", told(first), told(record)));
        } else if named(first) != named(record) {
            violations.push(format!("key {key} was answered {:?} and {:?}", named(first), named(record)));
        }
    }
    violations.extend(reuse_that_is_not_called_so(evidence, &answers));
    violations.extend(keys_that_are_missing(evidence));
    violations
}

/// A key that was accepted for one request is refused for another by that name, or the outcome is not known.
fn reuse_that_is_not_called_so(evidence: &Evidence, accepted: &HashMap<&str, &Record>) -> Vec<String> {
    let mut violations = Vec::new();
    for record in evidence.history.iter().filter(|record| record.outcome == Outcome::Fail) {
        let first = record.key.as_deref().and_then(|key| accepted.get(key));
        let Some(first) = first.filter(|first| first.t_return < record.t_invoke) else { continue };
        let is_another = (&first.command.path, &first.command.body) != (&record.command.path, &record.command.body);
        let is_named = record.status == Some(422) && record.answer.code.as_deref() == Some("idempotency_key_reused");
        if is_another && !is_named && record.status.is_some_and(|status| status < 500) {
            violations.push(format!(
                "{} with the key of {} was answered {:?}",
                told(record),
                told(first),
                record.status
            ));
        }
    }
    violations
}

fn keys_that_are_missing(evidence: &Evidence) -> Vec<String> {
    let stored: HashMap<(&str, &str), i64> =
        evidence.keys.iter().map(|key| ((key.scope.as_str(), key.key.as_str()), key.position)).collect();
    let by_key: HashMap<&str, i64> = evidence.keys.iter().map(|key| (key.key.as_str(), key.position)).collect();
    let by_op = evidence.by_op();
    let mut violations = Vec::new();
    for done in &evidence.done {
        let found = match (&done.process, &done.cause) {
            (Some(process), Cause::Position(position)) => {
                let scope = format!("process:{process}");
                let mut own = (0..EFFECTS_MAX).filter_map(|effect| {
                    stored.get(&(scope.as_str(), format!("{position}/{effect}").as_str())).copied()
                });
                own.any(|kept| kept == done.last)
            }
            (Some(process), Cause::Deadline(name)) => {
                stored.get(&(format!("process:{process}").as_str(), name.as_str())) == Some(&done.last)
            }
            (_, Cause::Request(op)) => match by_op.get(op).and_then(|record| record.key.as_deref()) {
                Some(key) => by_key.get(key) == Some(&done.last),
                None => true,
            },
            _ => true,
        };
        if !found {
            violations.push(format!("positions {} to {} were written and their key was not", done.first, done.last));
        }
    }
    violations
}

/// Effects that one event leads to, at most.
const EFFECTS_MAX: usize = 8;

/// I11: a success, a refusal or 503; always a problem document; nothing of the inside in it.
pub(super) fn answers_are_honest(evidence: &Evidence) -> Vec<String> {
    let mut violations = Vec::new();
    for record in &evidence.history {
        let Some(status) = record.status else { continue };
        if !matches!(status, 200..=299 | 304 | 400..=499 | 503 | 504) {
            violations.push(format!("{} was answered {status}: {}", told(record), record.answer.body));
        }
        if status >= 400 && record.answer.content_type.as_deref() != Some("application/problem+json") {
            violations.push(format!("{} was answered {status} as {:?}", told(record), record.answer.content_type));
        }
        if status == 503 && !record.answer.retry_after {
            violations.push(format!("{} was answered 503 and not told when to come again", told(record)));
        }
        if status >= 400 && SQL_WORDS.iter().any(|word| record.answer.body.contains(word)) {
            violations.push(format!("{} was told too much: {}", told(record), record.answer.body));
        }
    }
    violations
}

/// I12: a query that names a position is answered as of that position or later, or not at all.
pub(super) fn readers_see_what_they_wrote(evidence: &Evidence) -> Vec<String> {
    let mut violations = Vec::new();
    for record in evidence.history.iter().filter(|record| record.command.kind.is_query()) {
        let Some(wanted) = record.command.min_position else { continue };
        match (record.outcome, record.status) {
            (Outcome::Ok, _) if record.answer.position.is_none_or(|position| position < wanted) => {
                violations.push(format!("{} wanted {wanted} and got {:?}", told(record), record.answer.position));
            }
            (Outcome::Ok, _) if record.answer.version < record.command.min_version => {
                let (wanted, got) = (record.command.min_version, record.answer.version);
                violations.push(format!("{} wanted version {wanted:?} and got {got:?}", told(record)));
            }
            (Outcome::Fail, Some(400 | 404)) => {
                violations.push(format!("{} at {wanted} was answered {:?}", told(record), record.answer.code));
            }
            _ => {}
        }
    }
    violations
}

/// F28: a request that a stopping node carried out is answered before it ends.
pub(super) fn nothing_accepted_is_cut_by_a_stop(evidence: &Evidence) -> Vec<String> {
    let carried_out: HashSet<_> = evidence.done.iter().map(|done| &done.cause).filter_map(op_of).collect();
    let mut violations = Vec::new();
    for stop in &evidence.stops {
        let meanwhile = evidence.history.iter().filter(|record| record.node == stop.node);
        let cut = meanwhile.filter(|record| record.outcome == Outcome::Info && record.status.is_none());
        for record in cut.filter(|record| record.t_invoke <= stop.to && record.t_return >= stop.from) {
            if carried_out.contains(&record.op) {
                violations.push(format!("{} was carried out, and cut by the stop", told(record)));
            }
        }
    }
    violations
}

fn op_of(cause: &Cause) -> Option<uuid::Uuid> {
    match cause {
        Cause::Request(op) => Some(*op),
        _ => None,
    }
}

fn told(record: &Record) -> String {
    format!("{} {} ({})", record.command.method, record.command.path, record.op)
}
