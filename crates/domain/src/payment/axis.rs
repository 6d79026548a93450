//! What an order says of its payments: one word over all of them.

/// From the label that speaks loudest to the one that says least, each with the order's word for it.
const LABELS: [(&str, &str); 14] = [
    ("charged_back", "charged_back"),
    ("refunded", "refunded"),
    ("partially_refunded", "partially_refunded"),
    ("completed", "paid"),
    ("disputed", "paid"),
    ("dispute_won", "paid"),
    ("partially_captured", "partially_paid"),
    ("authorized", "authorized"),
    ("action_required", "action_required"),
    ("initiated", "pending"),
    ("failed", "declined"),
    ("expired", "voided"),
    ("voided", "voided"),
    ("absent", "none"),
];

/// The payment axis of an order whose payments have these labels.
pub fn order_axis<'a>(labels: impl IntoIterator<Item = &'a str>) -> &'static str {
    let rank = |label: &str| LABELS.iter().position(|(known, _)| *known == label);
    let loudest = labels.into_iter().filter_map(rank).min();
    loudest.map_or("none", |rank| LABELS[rank].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_without_payments_has_none() {
        assert_eq!(order_axis([]), "none");
        assert_eq!(order_axis(["absent"]), "none");
        assert_eq!(order_axis(["no such label"]), "none");
    }

    #[test]
    fn each_label_has_its_word() {
        for (label, word) in [
            ("initiated", "pending"),
            ("action_required", "action_required"),
            ("authorized", "authorized"),
            ("partially_captured", "partially_paid"),
            ("completed", "paid"),
            ("failed", "declined"),
            ("voided", "voided"),
            ("expired", "voided"),
            ("partially_refunded", "partially_refunded"),
            ("refunded", "refunded"),
            ("disputed", "paid"),
            ("dispute_won", "paid"),
            ("charged_back", "charged_back"),
        ] {
            assert_eq!(order_axis([label]), word);
        }
    }

    #[test]
    fn another_try_speaks_louder_than_the_one_that_was_declined() {
        assert_eq!(order_axis(["failed", "initiated"]), "pending");
        assert_eq!(order_axis(["authorized", "failed"]), "authorized");
        assert_eq!(order_axis(["voided", "completed", "failed"]), "paid");
        assert_eq!(order_axis(["voided", "failed"]), "declined");
    }
}
