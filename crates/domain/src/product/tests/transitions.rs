//! A refusal names the state and what is allowed in it.

use super::*;
use crate::spec::transitions::{Said, Transitions, kinds};

kinds!(Command {
    Create = Some("create"),
    Update = Some("update"),
    ChangePrice = Some("change_price"),
    Publish = Some("publish"),
    Archive = Some("archive"),
});

fn said(error: &Error) -> Option<Said> {
    match error {
        Error::IllegalTransition { state, allowed } => Some((state, allowed.clone())),
        _ => None,
    }
}

#[test]
fn a_refusal_names_the_state_and_what_it_takes() {
    let category = Changes { category: Patch::Set(Category::new("Gifts").unwrap()), ..Changes::default() };
    let commands = [
        create(facts()),
        create(Created { price: gbp(1), ..facts() }),
        Command::Update(Changes::default()),
        Command::Update(Changes { name: Some(Name::new("Heart").unwrap()), ..Changes::default() }),
        Command::Update(category),
        Command::ChangePrice { price: gbp(295) },
        Command::Publish,
        Command::Archive,
    ];
    let histories = [
        ("absent", vec![]),
        ("draft", vec![created()]),
        ("published", vec![created(), published()]),
        ("archived", vec![created(), published(), archived()]),
        ("archived", vec![created(), archived()]),
    ];
    Transitions::<Product> {
        kinds: KINDS,
        kind,
        status: State::status,
        truth: |state, _| (state.status(), state.illegal()),
        said,
    }
    .check(&histories, &commands);
}
