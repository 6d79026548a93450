//! What was sent as a form, or as a query.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

pub(super) type Form = BTreeMap<String, String>;

pub(super) fn parse(text: &str) -> Form {
    let decode =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().expect("it is UTF-8").into_owned();
    let mut form = Form::new();
    for field in text.split('&').filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').expect("a field has a value");
        assert!(form.insert(decode(name), decode(value)).is_none(), "{name} is given twice");
    }
    form
}
