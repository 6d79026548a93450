//! The catalogue of problems: every code an answer of this API can carry, with its status, its title, whether the same
//! request may succeed later, and the explanation that stands under `/docs/problems`. There is no other place that makes a code.

use axum::http::StatusCode;

/// What the catalogue says about one code.
#[derive(Debug)]
pub struct Entry {
    pub code: Code,
    /// The stable name on the wire.
    pub name: &'static str,
    pub status: StatusCode,
    pub title: &'static str,
    /// The same request, unchanged, may succeed later.
    pub retryable: bool,
    pub explanation: &'static str,
}

macro_rules! catalogue {
    ($($variant:ident $name:literal $status:ident $retryable:ident $title:literal $explanation:literal)+) => {
        /// The code of a problem. A [`Problem`](crate::problem::Problem) cannot be built without one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($variant),+ }

        /// Every code, in the order of its status.
        pub const CATALOGUE: &[Entry] = &[$(Entry {
            code: Code::$variant,
            name: $name,
            status: StatusCode::$status,
            title: $title,
            retryable: catalogue!(@$retryable),
            explanation: $explanation,
        }),+];
    };
    (@retry) => { true };
    (@final) => { false };
}

impl Code {
    pub fn entry(self) -> &'static Entry {
        &CATALOGUE[self as usize]
    }

    pub fn name(self) -> &'static str {
        self.entry().name
    }

    pub fn status(self) -> StatusCode {
        self.entry().status
    }

    pub fn named(name: &str) -> Option<Self> {
        CATALOGUE.iter().find(|entry| entry.name == name).map(|entry| entry.code)
    }
}

catalogue! {
    MalformedJson "malformed_json" BAD_REQUEST final "The body is not JSON"
        "The body could not be read as JSON: it is empty, cut short, not UTF-8, holds a number that no machine can hold, or has a syntax error. `detail` gives the line and the column."
    JsonTooDeep "json_too_deep" BAD_REQUEST final "The JSON is nested too deeply"
        "Arrays and objects may be nested 64 deep."
    InvalidBody "invalid_body" BAD_REQUEST final "The body has another shape than expected"
        "A field is unknown, missing, given twice, or of the wrong JSON type. `errors` names each field by its JSON pointer. Unknown fields are refused so that a misspelt one is never silently ignored."
    UnexpectedBody "unexpected_body" BAD_REQUEST final "This request takes no body"
        "The route takes no body; an empty JSON object is let through."
    InvalidParameter "invalid_parameter" BAD_REQUEST final "A parameter cannot be read"
        "A part of the path or of the query has the wrong form, is given twice, is missing, or is not known here. `errors` names the parameter."
    InvalidHeader "invalid_header" BAD_REQUEST final "A header cannot be read"
        "A request header has the wrong form. `errors` names the header."
    BadRequest "bad_request" BAD_REQUEST final "The request cannot be read"
        "The request breaks off or breaks the rules of HTTP."
    WebhookRefused "webhook_refused" BAD_REQUEST final "The webhook is refused"
        "It has no signature that holds: the secret is another one, the body was changed on the way, or it was signed more than five minutes ago. Nothing of it is kept."
    IdempotencyKeyRequired "idempotency_key_required" BAD_REQUEST final "An Idempotency-Key is required"
        "Checkouts, payments, captures, refunds and shipments must carry an `Idempotency-Key` header, so that a request whose answer was lost can be repeated without a second effect. Make a fresh random one (a UUID) for each new intention and keep it for its repeats."
    PositionBeyondHead "position_beyond_head" BAD_REQUEST final "That position has not been written"
        "`Daybook-Min-Position` names a position after the last event of the book. Use a position that an answer of this server gave you; `head` is the last one there is."
    InvalidCursor "invalid_cursor" BAD_REQUEST final "The cursor cannot be used"
        "A `cursor` is opaque: pass on the `next_cursor` or the `Link` of the page before, unchanged, with the same filters. This one was altered, or belongs to another list."
    TokenRequired "token_required" UNAUTHORIZED final "A token is required"
        "Send `Authorization: Bearer <token>`. A visitor without an account gets one from `POST /v1/guests`."
    TokenInvalid "token_invalid" UNAUTHORIZED final "The token is not accepted"
        "The token is malformed, was not issued for this API, is not valid yet, or its signature does not verify under a key that this server was given."
    TokenExpired "token_expired" UNAUTHORIZED final "The token has expired"
        "Get a new token and repeat the request with it."
    PermissionDenied "permission_denied" FORBIDDEN final "You may not do this"
        "None of the token's roles has the permission named in `permission`."
    RouteNotFound "route_not_found" NOT_FOUND final "There is nothing at this address"
        "No route has this path. `/openapi.json` lists all of them; a slash at the end counts."
    NotFound "not_found" NOT_FOUND final "Not found"
        "What the path names does not exist, or belongs to another customer: the answer is the same for both."
    GuestsDisabled "guests_disabled" NOT_FOUND final "Guests are not served here"
        "This deployment was given no key to sign guest tokens with (`--signing-key`). Log in instead."
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED final "The method is not allowed here"
        "The path exists and does not take this method. The `Allow` header lists those it takes."
    NotAcceptable "not_acceptable" NOT_ACCEPTABLE final "No representation is acceptable"
        "The `Accept` header excludes everything that this route can answer with. `produces` lists what it can."
    RequestTimeout "request_timeout" REQUEST_TIMEOUT retry "The request took too long to arrive"
        "The body did not arrive in time. Nothing was done."
    IllegalTransition "illegal_transition" CONFLICT final "Not possible in the current state"
        "The thing is in a state (`current_state`) in which this cannot be done. `allowed` lists what can be done now."
    Conflict "conflict" CONFLICT retry "Somebody else was faster"
        "The command lost a race against another one. Nothing was done; the same request may be sent again."
    IdempotencyKeyInFlight "idempotency_key_in_flight" CONFLICT retry "The first request with this key is still running"
        "Another request with the same `Idempotency-Key` has not been answered yet. Repeat this one shortly."
    PriceChanged "price_changed" CONFLICT final "Prices have changed"
        "A product of the cart has another price than when its line was added. Post to the cart's `repricing`, show the new total, and check out again. `lines` names what changed; `cart_total` and `current_total` are the two totals."
    TotalChanged "total_changed" CONFLICT final "The total is not the expected one"
        "The checkout stated an `expected_total` that is not the `current_total`. Show the current total to the customer and check out again."
    AlreadyExists "already_exists" CONFLICT final "It exists already"
        "Something with this identity exists already, and differs from what was sent."
    Erased "erased" GONE final "Erased"
        "The personal data asked for was erased on its owner's request and cannot be brought back."
    VersionMismatch "version_mismatch" PRECONDITION_FAILED final "It has changed since you read it"
        "`If-Match` names another version than the current one (`current_version`). Read it again, look at what changed, and decide again."
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE final "The body is too large"
        "A body may have 256 KiB."
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE final "The body's media type is not supported"
        "Send `Content-Type: application/json` (for PATCH also `application/merge-patch+json`), in UTF-8 and without a content coding."
    InvalidValue "invalid_value" UNPROCESSABLE_ENTITY final "A value is not allowed"
        "A value has the right type and is out of range, too long, or not one of those allowed. `errors` names each of them by its JSON pointer, parameter or header."
    IdempotencyKeyReused "idempotency_key_reused" UNPROCESSABLE_ENTITY final "The key was used for another request"
        "This `Idempotency-Key` was sent before with another method, path or body. Use a fresh key for a new intention."
    UnknownSku "unknown_sku" UNPROCESSABLE_ENTITY final "There is no such product"
        "No product has the SKU named in `skus`. SKUs are case-sensitive."
    ProductNotPublished "product_not_published" UNPROCESSABLE_ENTITY final "The product is not for sale"
        "The products named in `skus` are drafts, or archived."
    CurrencyMismatch "currency_mismatch" UNPROCESSABLE_ENTITY final "The currencies differ"
        "A cart, an order and a payment have one currency each, and an amount in another one cannot be mixed in."
    CartFull "cart_full" UNPROCESSABLE_ENTITY final "The cart is full"
        "A cart holds at most 2,000 lines of at most 100,000 units each."
    EmptyCart "empty_cart" UNPROCESSABLE_ENTITY final "The cart is empty"
        "A cart without lines cannot be checked out."
    LimitReached "limit_reached" UNPROCESSABLE_ENTITY final "There are as many as there can be"
        "An order is paid for in at most 20 tries, and has at most 500 shipments, 500 returns and 1,000 refunds; a payment has at most 1,000 captures and 1,000 refunds. `detail` says which of them was reached."
    OutOfStock "out_of_stock" UNPROCESSABLE_ENTITY final "Not enough stock"
        "`skus` lists each product that falls short, with the quantity requested and the quantity available. Nothing was reserved."
    AmountExceeded "amount_exceeded" UNPROCESSABLE_ENTITY final "The amount is more than there is"
        "A capture may not exceed what is authorised, a refund not what is captured. `available` is what is left."
    CapturesOnce "captures_once" UNPROCESSABLE_ENTITY final "The provider takes money of a payment once"
        "This payment's provider captures once, and lets go of whatever is not taken then. Capture everything that the order owes (`owed`) at once; cancel lines first where it is to be less. Where `captured` is given, that has been done."
    QuantityExceeded "quantity_exceeded" UNPROCESSABLE_ENTITY final "The quantity is more than there is"
        "More was named than is left to ship, deliver, cancel, return or move. `lines` or `skus` says how much is left."
    ReturnWindowClosed "return_window_closed" UNPROCESSABLE_ENTITY final "It is too late to send it back"
        "Goods may be sent back for 30 days after their delivery. `skus` names what came too long ago, `available` says how much of it may still be sent back."
    IfMatchRequired "if_match_required" PRECONDITION_REQUIRED final "If-Match is required"
        "A PATCH must say in `If-Match` which version it changes, so that no change of somebody else's is lost. Send the `ETag` of your last read."
    NotReady "not_ready" SERVICE_UNAVAILABLE retry "Not ready"
        "This node is starting, stopping, or has lost something it needs. `checks` says which."
    Overloaded "overloaded" SERVICE_UNAVAILABLE retry "Too busy"
        "The server has as much work waiting as it takes on. Nothing was done; try again after `Retry-After` seconds."
    Unavailable "unavailable" SERVICE_UNAVAILABLE retry "Temporarily unavailable"
        "Something that this needs is away. If the request was a command, its outcome may be unknown: repeat it with the same `Idempotency-Key`."
    TimedOut "timed_out" SERVICE_UNAVAILABLE retry "The answer took too long"
        "The answer was not ready within 30 seconds. A command may yet take effect: repeat it with the same `Idempotency-Key` to learn what became of it."
    ProjectionBehind "projection_behind" SERVICE_UNAVAILABLE retry "Not caught up yet"
        "The view asked for has not reached the position named in `Daybook-Min-Position` within the time allowed. It is at `position`; try again, or wait longer with `Prefer: wait=5`."
    ProjectionIncomplete "projection_incomplete" SERVICE_UNAVAILABLE retry "Not complete"
        "An event of what was asked for could not be applied to this view and waits for an operator. The book itself is not affected."
    InternalError "internal_error" INTERNAL_SERVER_ERROR final "An error of ours"
        "This should not happen, and is no fault of the request. Please report the `request_id`."
}

/// What is wrong with one field, parameter or header: the codes inside `errors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldCode {
    UnknownField,
    MissingField,
    DuplicateField,
    WrongType,
    OutOfRange,
    InvalidValue,
    NulCharacter,
    Malformed,
}

impl FieldCode {
    pub const ALL: &[(Self, &'static str)] = &[
        (Self::UnknownField, "is not known here"),
        (Self::MissingField, "is required and missing"),
        (Self::DuplicateField, "is given more than once"),
        (Self::WrongType, "is of another type than expected"),
        (Self::OutOfRange, "is a number outside the range allowed"),
        (Self::InvalidValue, "is not one of the values allowed"),
        (Self::NulCharacter, "holds the character U+0000, which is not stored"),
        (Self::Malformed, "cannot be read"),
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownField => "unknown_field",
            Self::MissingField => "missing_field",
            Self::DuplicateField => "duplicate_field",
            Self::WrongType => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::InvalidValue => "invalid_value",
            Self::NulCharacter => "nul_character",
            Self::Malformed => "malformed",
        }
    }

    /// Syntax and shape are 400; a value that reads well and may not be is 422.
    pub fn is_about_the_value(self) -> bool {
        matches!(self, Self::OutOfRange | Self::InvalidValue | Self::NulCharacter)
    }
}
