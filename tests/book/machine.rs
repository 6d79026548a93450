//! A state machine: several writers on one book take random steps (appends, lost answers, lost connections, crashes, lost tails),
//! and after each the book is what a simple model says. The seed is printed; `SEED=` takes the same steps again.

use std::collections::BTreeMap;

use chrono::Utc;
use eventstore::{AppendError, Book, Head, NewEvent, NewKey, Position, Writer};
use support::Database;

use support::append::{AppendAfter, draft};

use super::{all, book, cart, check_whole, event, key, proxy::Proxy, superuser, tamper};
use crate::commands::Chance;

const STEPS: usize = 150;
const WRITERS: usize = 3;
const STREAMS: usize = 4;
const BATCH_MAX: usize = 4;
/// Of a statement whose connection was ended: it is made anew for the next one.
const SENDINGS_MAX: usize = 3;
/// Few, so that they are used again.
const KEYS: usize = 10;

/// All that there is to know of a book. What was appended is kept as it was given.
#[derive(Default)]
struct Model {
    events: Vec<NewEvent>,
    /// By key, the position that it was stored with.
    keys: BTreeMap<String, Position>,
}

impl Model {
    fn head(&self) -> Position {
        Position(i64::try_from(self.events.len()).unwrap())
    }

    fn next_version(&self, stream: usize) -> i64 {
        let stream = cart(stream as u128);
        1 + i64::try_from(self.events.iter().filter(|event| event.stream == stream).count()).unwrap()
    }

    fn append(&mut self, batch: &Batch) {
        self.events.extend(batch.events.iter().cloned());
        self.keys.extend(batch.keys.iter().map(|key| (key.key.clone(), key.position)));
    }

    fn lose_all_after(&mut self, position: Position) {
        self.events.truncate(usize::try_from(position.0).unwrap());
        self.keys.retain(|_, stored| *stored <= position);
    }
}

/// Decided on the model as it was when its writer last looked.
struct Batch {
    events: Vec<NewEvent>,
    keys: Vec<NewKey>,
}

/// Whether a writer's view is the book's, is behind it, or is of pages that are gone.
#[derive(Debug, Clone, Copy, PartialEq)]
enum View {
    Current,
    Behind,
    Gone,
}

struct Member {
    writer: Writer,
    proxy: Proxy,
    /// The head that this writer last saw, and the lives of the model then: a tail that is lost begins another.
    seen: Head,
    /// Of the model, when `seen` was seen.
    life: usize,
}

struct Machine {
    chance: Chance,
    database: Database,
    book: Book,
    model: Model,
    members: Vec<Member>,
    /// Of every life of the book, how many of its pages are in the next one.
    kept: Vec<Position>,
    /// What happened, and how often: a run that never met a case has not tested it.
    met: BTreeMap<&'static str, usize>,
}

impl Machine {
    async fn start(seed: u64) -> Self {
        let database = Database::fresh().await;
        let book = book(&database);
        let (model, met) = (Model::default(), BTreeMap::new());
        let mut machine =
            Self { chance: Chance(seed), database, book, model, members: Vec::new(), kept: Vec::new(), met };
        for _ in 0..WRITERS {
            let member = machine.member().await;
            machine.members.push(member);
        }
        machine
    }

    async fn member(&self) -> Member {
        let proxy = Proxy::start().await;
        let mut writer = proxy.writer(&self.database).await;
        let seen = writer.head().await.unwrap();
        Member { writer, proxy, seen, life: self.kept.len() }
    }

    fn meet(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }

    fn view(&self, who: usize) -> View {
        let Member { seen, life, .. } = &self.members[who];
        if self.kept[*life..].iter().any(|kept| seen.point.position > *kept) {
            return View::Gone;
        }
        if seen.point.position == self.model.head() { View::Current } else { View::Behind }
    }

    async fn step(&mut self) {
        let who = self.chance.below(WRITERS);
        match self.chance.below(20) {
            0..8 => self.append(who, "appended").await,
            8..10 => {
                self.members[who].proxy.lose_the_next_reply();
                self.append(who, "the answer was lost").await;
            }
            10..12 => {
                self.members[who].proxy.lose_the_next_request();
                self.append(who, "the statement was lost").await;
            }
            12..14 => self.append_at_once().await,
            14 => self.remember(who).await,
            15 => self.crash(who).await,
            16 => self.end_all_sessions().await,
            17 => self.lose_a_tail().await,
            _ => self.look(who).await,
        }
        self.check().await;
    }

    /// Decided as if the book ended where this writer saw it end.
    fn decide(&mut self, who: usize) -> Batch {
        let from = self.members[who].seen.point.position;
        let mut events: Vec<NewEvent> = Vec::new();
        for _ in 0..=self.chance.below(BATCH_MAX) {
            let stream = self.chance.below(STREAMS);
            let before = events.iter().filter(|event| event.stream == cart(stream as u128)).count();
            let mut next = event(&cart(stream as u128), self.model.next_version(stream) + before as i64);
            next.payload = format!(r#"{{"by": {who}, "of": {}}}"#, self.chance.next());
            events.push(next);
        }
        let last = Position(from.0 + i64::try_from(events.len()).unwrap());
        let keys =
            if self.chance.below(2) == 0 { vec![key(&self.chance.below(KEYS).to_string(), last)] } else { Vec::new() };
        Batch { events, keys }
    }

    fn is_key_taken(&self, batch: &Batch) -> bool {
        batch.keys.iter().any(|key| self.model.keys.contains_key(&key.key))
    }

    async fn append(&mut self, who: usize, how: &'static str) {
        let (batch, view) = (self.decide(who), self.view(who));
        let Member { writer, seen, .. } = &mut self.members[who];
        let answer =
            writer.append_after(seen, Utc::now(), &batch.events, &batch.keys).await.map(|appended| appended.head());
        self.conclude(who, view, &batch, answer, how).await;
    }

    /// The one answer that the model allows.
    async fn conclude(
        &mut self,
        who: usize,
        view: View,
        batch: &Batch,
        answer: Result<Head, AppendError>,
        how: &'static str,
    ) {
        match (view, answer) {
            (View::Current, Ok(head)) => {
                assert!(!self.is_key_taken(batch), "a key was used twice");
                self.model.append(batch);
                assert_eq!(head.point.position, self.model.head());
                (self.members[who].seen, self.members[who].life) = (head, self.kept.len());
                self.meet(how);
            }
            (View::Current, Err(AppendError::KeyTaken)) => {
                assert!(self.is_key_taken(batch), "the key is free");
                self.meet("a key was taken");
            }
            // Which of the two the server finds first is its own affair.
            (View::Behind, Err(AppendError::KeyTaken)) if self.is_key_taken(batch) => self.look(who).await,
            (View::Behind, Err(AppendError::LostRace)) => {
                self.meet("a race was lost");
                self.look(who).await;
            }
            (View::Gone, Err(AppendError::BookWentBack)) => {
                self.meet("the book went back");
                self.look(who).await;
            }
            // Its page is gone; but the position after it, or the key, may have been given anew.
            (View::Gone, Err(AppendError::LostRace | AppendError::KeyTaken)) => self.look(who).await,
            (view, answer) => panic!("writer {who}, whose view is {view:?}, is answered {answer:?}"),
        }
    }

    /// All writers that are up to date append to one head at the same time: one of them is first.
    async fn append_at_once(&mut self) {
        for who in 0..WRITERS {
            self.look(who).await;
        }
        let batches: Vec<_> = (0..WRITERS).map(|who| self.decide(who)).collect();
        let now = Utc::now();
        let [one, two, three] = self.members.as_mut_slice() else { panic!("three writers") };
        let answers = tokio::join!(
            one.writer.append_after(&one.seen, now, &batches[0].events, &batches[0].keys),
            two.writer.append_after(&two.seen, now, &batches[1].events, &batches[1].keys),
            three.writer.append_after(&three.seen, now, &batches[2].events, &batches[2].keys),
        );
        let mut answers: Vec<_> = [answers.0, answers.1, answers.2].into_iter().enumerate().collect();
        // The winner first: what the others were told followed from that.
        answers.sort_by_key(|(_, answer)| answer.is_err());
        for (who, answer) in answers {
            let view = self.view(who);
            self.conclude(who, view, &batches[who], answer.map(|appended| appended.head()), "at once").await;
        }
    }

    async fn remember(&mut self, who: usize) {
        let (name, view) = (self.chance.below(KEYS).to_string(), self.view(who));
        let Member { writer, seen, .. } = &mut self.members[who];
        let kept = key(&name, seen.point.position);
        let (mut is_sent_again, mut answer) = (false, Err(AppendError::LostRace));
        // Where nothing is appended, an answer that is lost is left to whoever asks again.
        for _ in 0..SENDINGS_MAX {
            answer = writer.remember(&draft(seen, Utc::now(), &[], std::slice::from_ref(&kept))).await;
            if !matches!(answer, Err(AppendError::Unavailable { .. })) {
                break;
            }
            is_sent_again = true;
        }
        let is_taken = self.model.keys.contains_key(&name);
        match (view, answer) {
            (View::Current, Ok(())) if !is_taken => {
                self.model.keys.insert(name, kept.position);
                self.meet("remembered");
            }
            (View::Current, Err(AppendError::KeyTaken)) if !is_taken && is_sent_again => {
                self.model.keys.insert(name, kept.position);
                self.meet("remembered");
            }
            (View::Current, Err(AppendError::KeyTaken)) if is_taken => {}
            (View::Behind | View::Gone, Err(AppendError::LostRace)) => {}
            (View::Gone, Err(AppendError::BookWentBack)) => {}
            (view, answer) => panic!("writer {who}, whose view is {view:?}, is answered {answer:?} about {name}"),
        }
        self.look(who).await;
    }

    /// The process ends with what it knew, and another one begins.
    async fn crash(&mut self, who: usize) {
        self.members[who] = self.member().await;
        self.meet("crashed");
    }

    /// What a crash of the server does to its clients.
    async fn end_all_sessions(&mut self) {
        let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sqlx::query(end).execute(&mut superuser(&self.database).await).await.unwrap();
        self.meet("all sessions were ended");
    }

    /// A failover to a server that had not got everything.
    async fn lose_a_tail(&mut self) {
        let lost = self.chance.below(2 * BATCH_MAX) as i64;
        let position = Position((self.model.head().0 - lost).max(0));
        let statements = format!(
            "DELETE FROM book.events WHERE position > {position};
             DELETE FROM book.idempotency WHERE position > {position}"
        );
        tamper(&self.database, &statements).await;
        self.model.lose_all_after(position);
        self.kept.push(position);
    }

    async fn look(&mut self, who: usize) {
        let Member { writer, seen, life, .. } = &mut self.members[who];
        (*seen, *life) = (writer.head().await.unwrap(), self.kept.len());
        assert_eq!(seen.point.position, self.model.head());
    }

    async fn check(&self) {
        let events = all(&self.book).await;
        assert_eq!(events.len(), self.model.events.len());
        for (found, given) in events.iter().zip(&self.model.events) {
            assert_eq!((&found.stream, found.stream_version), (&given.stream, given.stream_version));
            assert_eq!((&found.payload, &found.metadata), (&given.payload, &given.metadata));
        }
        let keys: Vec<(String, i64)> = sqlx::query_as("SELECT key, position FROM book.idempotency ORDER BY key")
            .fetch_all(&self.database.owner)
            .await
            .unwrap();
        let model: Vec<_> = self.model.keys.iter().map(|(key, position)| (key.clone(), position.0)).collect();
        assert_eq!(keys, model);
    }
}

#[tokio::test]
async fn whatever_writers_do_and_whatever_befalls_them_the_book_is_what_a_simple_model_says() {
    let mut machine = Machine::start(Chance::seed()).await;
    for _ in 0..STEPS {
        machine.step().await;
    }
    for who in 0..WRITERS {
        machine.look(who).await;
        machine.append(who, "appended at the end").await;
    }
    check_whole(&machine.book, machine.model.head().0).await;
    println!("{:?}", machine.met);
    let cases =
        ["appended", "the answer was lost", "a race was lost", "the book went back", "at once", "a key was taken"];
    for case in cases {
        assert!(machine.met.contains_key(case), "{case} was never met: {:?}", machine.met);
    }
}
