//! Every history times every command: what the rules take and refuse is what a refusal says.
//!
//! What a refusal names is listed beside the rules and not by them. Here the two are held against each other.

use std::{collections::BTreeMap, fmt};

use super::given;
use crate::aggregate::{Aggregate, EventKind};

/// A kind of command. Without a name: nobody asks for it, it records what others have done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Kind {
    pub(crate) variant: &'static str,
    pub(crate) name: Option<&'static str>,
}

/// Names every variant of a command, or says of it that it has no name: a new one does not compile until it stands here.
macro_rules! kinds {
    ($command:ident { $($variant:ident = $name:expr),+ $(,)? }) => {
        fn kind(command: &$command) -> $crate::spec::transitions::Kind {
            match command {
                $($command::$variant { .. } => {
                    $crate::spec::transitions::Kind { variant: stringify!($variant), name: $name }
                })+
            }
        }

        const KINDS: &[$crate::spec::transitions::Kind] =
            &[$($crate::spec::transitions::Kind { variant: stringify!($variant), name: $name }),+];
    };
}
pub(crate) use kinds;

/// What a refusal names: the state, and what would be taken in it.
pub(crate) type Said = (&'static str, Vec<&'static str>);

/// A status, and how what has it refuses.
pub(crate) type Truth<A> = (&'static str, <A as Aggregate>::Error);

/// How to read an aggregate.
pub(crate) struct Transitions<A: Aggregate> {
    pub(crate) kinds: &'static [Kind],
    pub(crate) kind: fn(&A::Command) -> Kind,
    pub(crate) status: fn(&A::State) -> &'static str,
    /// Of what the command is for, the aggregate or a part of it.
    pub(crate) truth: fn(&A::State, &A::Command) -> Truth<A>,
    /// What is said by an error that is about the state, and not about what the command holds.
    pub(crate) said: fn(&A::Error) -> Option<Said>,
}

impl<A: Aggregate<Command: Clone + fmt::Debug>> Transitions<A> {
    /// Tries all commands after each history, which is to lead to the state that stands beside it. Every name has to be taken
    /// with some of the arguments that are tried, so there must be some for each state.
    #[track_caller]
    pub(crate) fn check(&self, histories: &[(&'static str, Vec<A::Event>)], commands: &[A::Command]) {
        let mut wrong = self.untried(commands);
        for (status, history) in histories {
            let state = given::<A>(history.clone()).into_state();
            let types: Vec<_> = history.iter().map(EventKind::event_type).collect();
            let mut row = self.row(&state, commands);
            if (self.status)(&state) != *status {
                row.push(format!("the state is {}", (self.status)(&state)));
            }
            wrong.extend(row.into_iter().map(|wrong| format!("{status}, after {}: {wrong}", types.join(", "))));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn untried(&self, commands: &[A::Command]) -> Vec<String> {
        let tried = |kind: &&Kind| commands.iter().any(|command| (self.kind)(command) == **kind);
        self.kinds.iter().filter(|kind| !tried(kind)).map(|kind| format!("{} is not tried", kind.variant)).collect()
    }

    fn row(&self, state: &A::State, commands: &[A::Command]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut taken: BTreeMap<(&str, &str), bool> = BTreeMap::new();
        for command in commands {
            let (status, refusal) = (self.truth)(state, command);
            let (_, allowed) = (self.said)(&refusal).expect("a refusal names what is allowed");
            let truth = (status, allowed);
            let (status, allowed) = &truth;
            for name in allowed {
                taken.entry((status, name)).or_default();
            }
            let name = (self.kind)(command).name;
            let named = name.filter(|name| allowed.contains(name));
            match (A::decide(state, command.clone()), named) {
                (Ok(events), _) if events.is_empty() => {}
                (Ok(_), Some(name)) => _ = taken.insert((status, name), true),
                (Ok(_), None) if name.is_none() => {}
                (Ok(_), None) => wrong.push(format!("{command:?} is taken, and is not among {allowed:?}")),
                (Err(error), _) => match (self.said)(&error) {
                    Some(said) if said != truth => {
                        wrong.push(format!("{command:?} is told {said:?}, and true is {truth:?}"));
                    }
                    Some(_) if named.is_some() => {
                        wrong.push(format!("{command:?} is refused, and is among {allowed:?}"));
                    }
                    Some(_) | None => {}
                },
            }
        }
        let known = |name: &str| self.kinds.iter().any(|kind| kind.name == Some(name));
        for ((status, name), taken) in taken {
            match (known(name), taken) {
                (true, true) => {}
                (false, _) => wrong.push(format!("{name} is named and no command is called so")),
                (true, false) => wrong.push(format!("{name} is named while {status}, and is not taken")),
            }
        }
        wrong
    }
}
