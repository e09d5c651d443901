//! The values of the domain that fields are read into. The rules are the domain's own.

use entrepot_api::search_text;
use entrepot_domain::{
    Currency, Description, Email, Invalid, Limit, Money, OrderId, PageNumber, ProductId, Sort, SortField, UserId,
    api_key::{ApiKeyName, Scope},
    audit::AuditAction,
    auth::PlainPassword,
    event::EventId,
    job::{JobKind, JobStatus},
    order::OrderStatus,
    product::{ProductName, Quantity, Sku, Stock, StockReason},
    second_factor::{SecondFactorCode, TotpCode},
    user::{PersonName, Role},
    webhook::{DeliveryStatus, Signing, WebhookUrl},
};

use super::field::{FromJson, Number, Parsed};

/// Values that are read from a text.
macro_rules! texts {
    ($($value:ty: $parse:expr;)*) => {$(
        impl FromJson for $value {
            const EXPECTED: &'static str = "a text";

            fn from_text(text: &str) -> Parsed<Self> {
                let parsed: Result<Self, Invalid> = ($parse)(text);
                Ok(parsed?)
            }
        }
    )*};
}

/// Values that are read from a whole number.
macro_rules! integers {
    ($($value:ty: $parse:expr;)*) => {$(
        impl FromJson for $value {
            const EXPECTED: &'static str = "a whole number";

            fn from_number(number: Number) -> Parsed<Self> {
                let parsed: Result<Self, Invalid> = ($parse)(number.integer()?);
                Ok(parsed?)
            }
        }
    )*};
}

texts! {
    String: |text: &str| Ok(text.to_owned());
    bool: |text: &str| text.parse().map_err(|_| Invalid::new("must be true or false"));
    UserId: str::parse;
    ProductId: str::parse;
    OrderId: str::parse;
    Email: Email::parse;
    PersonName: PersonName::parse;
    PlainPassword: PlainPassword::parse;
    Role: str::parse;
    SecondFactorCode: SecondFactorCode::parse;
    TotpCode: TotpCode::parse;
    ApiKeyName: ApiKeyName::parse;
    Scope: str::parse;
    JobKind: str::parse;
    JobStatus: str::parse;
    Sku: Sku::parse;
    ProductName: ProductName::parse;
    Description: Description::parse;
    StockReason: StockReason::parse;
    Currency: str::parse;
    OrderStatus: str::parse;
    AuditAction: str::parse;
    WebhookUrl: WebhookUrl::parse;
    Signing: str::parse;
    DeliveryStatus: str::parse;
    EventId: str::parse;
    SearchText: |words| search_text(words).map(SearchText);
    Limit: |text| natural(text).and_then(Limit::new);
    PageNumber: |text| natural(text).and_then(PageNumber::new);
}

impl<F: SortField> FromJson for Sort<F> {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: &str) -> Parsed<Self> {
        Ok(Self::parse(text)?)
    }
}

integers! {
    i64: Ok;
    Quantity: Quantity::new;
    Stock: Stock::new;
    Amount: |amount| Money::new(amount, Currency::default()).map(Amount);
}

/// A boolean of JSON. A `bool` is read from the text of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

impl FromJson for Flag {
    const EXPECTED: &'static str = "a boolean";

    fn from_bool(value: bool) -> Parsed<Self> {
        Ok(Self(value))
    }
}

/// The minor units of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount(Money);

impl Amount {
    /// So much of a currency.
    pub(crate) const fn of(self, currency: Currency) -> Money {
        self.0.of_currency(currency)
    }
}

/// Words to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchText(pub(crate) String);

/// A whole number in decimal digits.
pub(crate) fn natural(text: &str) -> Result<u64, Invalid> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(number),
        _ => Err(Invalid::new("must be a whole number that is not negative")),
    }
}
